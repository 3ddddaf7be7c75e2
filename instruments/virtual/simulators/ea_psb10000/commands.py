"""The commands of a PSB 10000: what each does with the device, or says of it.

Pages are those of the vendor's programming guide (PGMBEN rev. 24, 2023-05-15, chapter 5).
"""

from collections.abc import Callable, Mapping

from instruments.virtual import scpi
from instruments.virtual.dialect import StatusRegister
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError
from instruments.virtual.simulators.ea_psb10000.device import Device
from instruments.virtual.simulators.ea_psb10000.stage import SET_LIMIT

Handler = Callable[[Device, Call[object]], str | None]


def _one(call: Call[object]) -> str:
    """The parameter of a command that takes one; more of them are too much data here (p38), and -108 means any."""
    if len(call.parameters) > 1:
        raise ScpiError(Fault.TOO_MUCH_DATA, ",".join(call.parameters))
    return call.only()


def _remote_only(action: Callable[[Device, str], None]) -> Handler:
    """A command with one parameter that needs remote control."""

    def handler(device: Device, call: Call[object]) -> None:
        text = _one(call)
        device.require_remote()
        action(device, text)

    return handler


def _either(query: Callable[[Device], str], action: Callable[[Device, str], None]) -> Handler:
    """A command with a query form: the query is free, the setting needs remote control."""
    setter = _remote_only(action)

    def handler(device: Device, call: Call[object]) -> str | None:
        return query(device) if call.query else setter(device, call)

    return handler


def _query(answer: Callable[[Device], str]) -> Handler:
    def handler(device: Device, call: Call[object]) -> str:
        if call.parameters:
            raise ScpiError(Fault.PARAMETER_NOT_ALLOWED, ",".join(call.parameters))
        return answer(device)

    return handler


def _done(action: Callable[[Device], None]) -> Handler:
    def handler(device: Device, call: Call[object]) -> None:
        if call.parameters:
            raise ScpiError(Fault.PARAMETER_NOT_ALLOWED, ",".join(call.parameters))
        action(device)

    return handler


def _measured(device: Device, *units: str) -> str:
    """Measured values of one moment."""
    device.settling.settle()
    return ", ".join([device.shown(unit) for unit in units])


def _set_value(name: str) -> Handler:
    def change(device: Device, text: str) -> None:
        value = device.sets[name]
        value.present = value.read(text)
        device.apply()

    return _either(lambda device: device.sets[name].text(), change)


def _limit(name: str, end: str) -> Handler:
    """An adjustment limit: never on the wrong side of the set value it belongs to (p54)."""

    def change(device: Device, text: str) -> None:
        value = device.sets[name]
        limit = scpi.number(
            text, value.unit, minimum=0.0, maximum=device.nominal.get(value.unit, value.high) * SET_LIMIT
        )
        if (limit > value.present) if end == "low" else (limit < value.present):
            raise ScpiError(Fault.SETTINGS_CONFLICT, text)
        setattr(value, end, limit)

    return _either(lambda device: device.sets[name].text(getattr(device.sets[name], end)), change)


def _protection(name: str) -> Handler:
    def change(device: Device, text: str) -> None:
        value = device.protections[name]
        value.present = value.read(text)

    return _either(lambda device: device.protections[name].text(), change)


def _threshold(name: str) -> Handler:
    def change(device: Device, text: str) -> None:
        value = device.supervisions[name].threshold
        value.present = value.read(text)

    return _either(lambda device: device.supervisions[name].threshold.text(), change)


def _action(name: str) -> Handler:
    def change(device: Device, text: str) -> None:
        device.supervise(name, scpi.choice(text, "NONE", "SIGNal", "WARNing", "ALARm"))

    return _either(lambda device: device.supervisions[name].action, change)


def _setting(name: str, *patterns: str) -> Handler:
    """A configuration word that is kept and read back."""

    def change(device: Device, text: str) -> None:
        device.words[name] = scpi.choice(text, *patterns)

    return _either(lambda device: device.words[name], change)


def _on_off(value: bool) -> str:
    return "ON" if value else "OFF"


def _register(name: str) -> dict[str, Handler]:
    """The commands of one status register: `<name>?` is its event register (p43)."""
    attribute = {"QUEStionable": "questionable", "OPERation": "operation", "SECond:QUEStionable": "second"}[name]

    def register(device: Device) -> StatusRegister:
        chosen: StatusRegister = getattr(device, attribute)
        return chosen

    def enable(device: Device, call: Call[object]) -> str | None:
        if call.query:
            return str(register(device).enable)
        register(device).enable = int(scpi.number(_one(call), minimum=0, maximum=32767))
        return None

    return {
        f"STATus:{name}[:EVENt]?": _query(lambda device: str(register(device).take_event())),
        f"STATus:{name}:CONDition?": _query(lambda device: str(register(device).condition)),
        f"STATus:{name}:ENABle[?]": enable,
    }


def _next_error(device: Device) -> str:
    device.acknowledge()
    return device.errors.pop()


def _all_errors(device: Device) -> str:
    device.acknowledge()
    return ", ".join(device.errors.pop() for _ in range(max(1, len(device.errors))))


def _event_status(device: Device) -> str:
    status, device.event_status = device.event_status, 0
    return str(status)


def _mask(name: str) -> Handler:
    def handler(device: Device, call: Call[object]) -> str | None:
        if call.query:
            return str(getattr(device, name))
        setattr(device, name, int(scpi.number(_one(call), minimum=0, maximum=255)))
        return None

    return handler


def _set_lock(device: Device, call: Call[object]) -> None:
    device.lock(scpi.boolean(_one(call)))


def _count(name: str) -> Handler:
    def take(device: Device) -> str:
        count, device.counters[name] = device.counters[name], 0
        return str(count)

    return _query(take)


def _monitor(device: Device, text: str) -> None:
    device.monitored = scpi.boolean(text)


def _monitor_time(device: Device, text: str) -> None:
    device.monitor_time = int(scpi.number(text, "s", minimum=1, maximum=36000))


def _after_remote(device: Device, text: str) -> None:
    device.off_after_remote = scpi.choice(text, "AUTO", "OFF") == "OFF"


def _user_text(device: Device, text: str) -> None:
    device.user_text = scpi.string(text)[:40]


def _nominal(unit: str) -> Handler:
    return _query(lambda device: f"{device.nominal[unit]:.{device.decimals(unit)}f}{unit}")


def _set_table() -> Mapping[str, Handler]:
    table: dict[str, Handler] = {}
    long = {"VOLT": "VOLTage", "CURR": "CURRent", "POW": "POWer", "RES": "RESistance"}
    for short, word in long.items():
        table[f"[SOURce:]{word}[?]"] = _set_value(short)
        table[f"[SOURce:]{word}:LIMit:HIGH[?]"] = _limit(short, "high")
        if short in {"VOLT", "CURR"}:
            table[f"[SOURce:]{word}:LIMit:LOW[?]"] = _limit(short, "low")
        if short != "RES":
            table[f"[SOURce:]{word}:PROTection[:LEVel][?]"] = _protection(short)
        if short != "VOLT":
            table[f"SINK:{word}[?]"] = _set_value(f"SINK:{short}")
            table[f"SINK:{word}:LIMit:HIGH[?]"] = _limit(f"SINK:{short}", "high")
    table["SINK:CURRent:LIMit:LOW[?]"] = _limit("SINK:CURR", "low")
    for short in ("CURR", "POW"):
        table[f"SINK:{long[short]}:PROTection[:LEVel][?]"] = _protection(f"SINK:{short}")
    for name in ("UVD", "OVD", "UCD", "OCD", "OPD"):
        table[f"SYSTem:CONFig:{name}[?]"] = _threshold(name)
        table[f"SYSTem:CONFig:{name}:ACTion[?]"] = _action(name)
    for name in ("UCD", "OCD", "OPD"):
        table[f"SYSTem:SINK:CONFig:{name}[?]"] = _threshold(f"SINK:{name}")
        table[f"SYSTem:SINK:CONFig:{name}:ACTion[?]"] = _action(f"SINK:{name}")
    return table


GRAMMAR: Grammar[Handler] = Grammar(
    {
        "*IDN?": _query(lambda device: device.identity),
        "*RST": _done(Device.reset),
        "*CLS": _done(Device.clear_status),
        "*STB?": _query(lambda device: str(device.status_byte())),
        "*ESR?": _query(_event_status),
        "*ESE[?]": _mask("event_enable"),
        "*SRE[?]": _mask("service_enable"),
        **_set_table(),
        **_register("QUEStionable"),
        **_register("OPERation"),
        **_register("SECond:QUEStionable"),
        "MEASure[:SCALar]:VOLTage[:DC]?": _query(lambda device: _measured(device, "V")),
        "MEASure[:SCALar]:CURRent[:DC]?": _query(lambda device: _measured(device, "A")),
        "MEASure[:SCALar]:POWer[:DC]?": _query(lambda device: _measured(device, "W")),
        "MEASure[:SCALar]:ARRay?": _query(lambda device: _measured(device, *"VAW")),
        "OUTPut[?]": _either(
            lambda device: _on_off(device.port.on), lambda device, text: device.switch(scpi.boolean(text))
        ),
        "SYSTem:LOCK": _set_lock,
        "SYSTem:LOCK:OWNer?": _query(lambda device: device.owner()),
        "SYSTem:ERRor[:NEXT]?": _query(_next_error),
        "SYSTem:ERRor:ALL?": _query(_all_errors),
        "SYSTem:NOMinal:VOLTage?": _nominal("V"),
        "SYSTem:NOMinal:CURRent?": _nominal("A"),
        "SYSTem:NOMinal:POWer?": _nominal("W"),
        "SYSTem:NOMinal:RESistance:MINimum?": _query(lambda device: device.sets["RES"].text(0.0)),
        "SYSTem:NOMinal:RESistance:MAXimum?": _query(lambda device: device.sets["RES"].text(device.resistance_maximum)),
        "SYSTem:ALARm:COUNt:OVOLtage?": _count("OVOL"),
        "SYSTem:ALARm:COUNt:OCURrent?": _count("OCUR"),
        "SYSTem:ALARm:COUNt:OPOWer?": _count("OPOW"),
        "SYSTem:ALARm:ACTion:PFAil[?]": _setting("PFA", "AUTO", "OFF"),
        "SYSTem:ALARm:ACTion:OTEMperature[?]": _setting("OTEM", "AUTO", "OFF"),
        "SYSTem:COMMunicate:MONitoring:ACTion[?]": _either(lambda device: _on_off(device.monitored), _monitor),
        "SYSTem:COMMunicate:MONitoring:TIMeout[?]": _either(lambda device: str(device.monitor_time), _monitor_time),
        "SYSTem:CONFig:OUTPut:RESTore[?]": _setting("REST", "AUTO", "OFF"),
        "SYSTem:CONFig:MODe[?]": _setting("MOD", "UIP"),
        "SYSTem:CONFig:CONTroller:SPEed[?]": _setting("SPE", "FAST", "SLOW", "NORMal"),
        "SYSTem:CONFig:USER:TEXT[?]": _either(lambda device: device.user_text, _user_text),
        "POWer:STAGe:AFTer:REMote[?]": _either(
            lambda device: "OFF" if device.off_after_remote else "AUTO", _after_remote
        ),
        "FETCh:AHOur?": _query(lambda device: f"{device.charge['source']:.2f}Ah"),
        "FETCh:WHOur?": _query(lambda device: f"{device.energy['source']:.2f}kWh"),
        "FETCh:SINK:AHOur?": _query(lambda device: f"{device.charge['sink']:.2f}Ah"),
        "FETCh:SINK:WHOur?": _query(lambda device: f"{device.energy['sink']:.2f}kWh"),
    }
)
