"""What the points of the served SunSpec models hold, and what may be written to which.

A source of energy is what SunSpec has in mind: its power is positive where the car gives, and a set point below 0
charges. Whatever a definition has and this table has not is not there; SunSpec has a value that says so.
"""

from collections.abc import Callable, Iterator, Mapping
from math import isnan, nan, sqrt

from bench.managing.links import Mains, Seen
from bench.managing.modbus.functions.function import ACTIVE, NOMINAL, STORED, GridFunction
from bench.managing.modbus.functions.registry import SunPoint, known
from bench.managing.modbus.functions.running import measured
from bench.managing.modbus.orders import Orders
from bench.managing.modbus.sunspec import Model, Value, model, symbol
from bench.managing.moments import REASONS

Show = Callable[[Orders, Seen], Value]

NUMBERS: Mapping[int, Mapping[str, int]] = {
    1: {}, 701: {}, 702: {}, 703: {}, 704: {}, **{number: each.counts for number, each in sorted(known().items())},
    713: {}, 714: {"NPrt": 1}, 715: {}, 802: {}, 64901: {},
}  # fmt: skip
"""The models in the order in which they are served, each with how often its groups repeat."""
FACTORS: Mapping[int, Mapping[str, int]] = {
    701: {"W_SF": 1, "TotWh_SF": 0, "V_SF": -1, "Hz_SF": -3}, 702: {"W_SF": 1, "V_SF": 0},
    703: {"V_SF": 0, "Hz_SF": -2},
    704: {"WSet_SF": 0, "WSetPct_SF": -1}, 713: {"WH_SF": 1, "Pct_SF": -2},
    714: {"DCA_SF": -1, "DCV_SF": -1, "DCW_SF": 1},
    802: {
        "AHRtg_SF": -1, "WHRtg_SF": 1, "WChaDisChaMax_SF": 1, "SoC_SF": -2, "V_SF": -1, "A_SF": -1, "W_SF": 1,
        "CellV_SF": -3, "AMax_SF": -1,
    },
    64901: {"Tmp_SF": -1}, **{number: each.factors for number, each in known().items()},
}  # fmt: skip
"""The powers of ten by which points stand in their registers: W in tens, so that a car's fit into 16 bit."""
RESTING = 50.0


def _known(value: float | None, factor: float = 1.0) -> Value:
    return None if value is None or isnan(value) else factor * value


def _soc(seen: Seen) -> Value:
    return _known(seen.car.soc if seen.car.plugged else None, 100)


def _state(orders: Orders, seen: Seen) -> Value:
    """`InvSt`."""
    if orders.functions.tripped:
        return "FAULT"
    if not seen.car.plugged:
        return "OFF"
    if seen.held:
        return "SLEEPING"
    return "RUNNING" if abs(seen.power) > RESTING else "STANDBY"


def _connected(orders: Orders, seen: Seen) -> Value:
    """`ConnSt`: a box that has tripped is on the grid no more, and without a car it is none."""
    return "CONNECTED" if seen.car.plugged and not orders.functions.tripped else "DISCONNECTED"


def _battery(orders: Orders, seen: Seen) -> Value:
    """`State`."""
    if not (seen.car.plugged and orders.connected):
        return "DISCONNECTED"
    return "STANDBY" if seen.held else "CONNECTED"


def _flow(seen: Seen) -> Value:
    """`ChaSt`."""
    if not seen.car.plugged:
        return "OFF"
    if abs(seen.power) <= RESTING:
        return "HOLDING"
    return "CHARGING" if seen.power > 0 else "DISCHARGING"


def _grid(of: Callable[[Mains], float]) -> Show:
    """What the meter at the connection says; nothing where there is none."""
    return lambda _, seen: None if seen.mains is None else _known(of(seen.mains))


def _alarms(orders: Orders, _seen: Seen) -> Value:
    return sum(1 << symbol(701, "Alrm", each) for each in orders.functions.tripped)


def _modes(_orders: Orders, seen: Seen) -> Value:
    """`CtrlModes`: a set point, and whatever needs to know the grid where somebody measures it."""
    there = [each.mode for each in known().values() if each.there] if seen.mains is not None else []
    return sum(1 << symbol(702, "CtrlModes", each) for each in ("FIXED_W", *there))


def _heart(seen: Seen) -> Value:
    return int(seen.time) % 0xFFFF


def _whole(power: float) -> Value:
    """A rating as far as its register shows it: whoever asks for what he was told is not refused."""
    return power // 10 * 10


_EXACT: Mapping[str, Show] = {
    "WMaxRtg": lambda orders, _: _whole(orders.largest),
    "WChaRteMaxRtg": lambda _, seen: _whole(seen.charger.charge),
    "WDisChaRteMaxRtg": lambda _, seen: _whole(seen.charger.discharge),
}
"""Of 702, its ratings; its settings are the same."""


def _function(function: GridFunction) -> Iterator[tuple[str, Show]]:
    """Of a grid function, what is no setting of it: how many of its group there are, and which can be written."""
    for point, count in function.counts.items():
        yield point, lambda *_, count=count: count
    yield f"{function.group}.{ACTIVE}.ReadOnly", lambda *_: "R"
    if function.there:
        yield f"{function.group}.{STORED}.ReadOnly", lambda *_: "RW"


SHOWN: Mapping[int, Mapping[str, Show]] = {
    1: {
        "Mn": lambda *_: "packbench", "Md": lambda *_: "served car", "Opt": lambda *_: "bidirectional",
        "Vr": lambda *_: "1", "SN": lambda *_: "1", "DA": lambda *_: 1,
    },
    701: {
        "ACType": lambda *_: "THREE_PHASE",
        "St": lambda _, seen: "ON" if seen.car.plugged else "OFF",
        "InvSt": _state, "ConnSt": _connected, "Alrm": _alarms,
        "DERMode": lambda *_: 1 << symbol(701, "DERMode", "GRID_FOLLOWING"),
        "LNV": _grid(lambda mains: mains.volts), "LLV": _grid(lambda mains: sqrt(3) * mains.volts),
        "Hz": _grid(lambda mains: mains.hertz),
        "W": lambda _, seen: _known(seen.power, -1),
        "TotWhInj": lambda _, seen: seen.given,
        "TotWhAbs": lambda _, seen: seen.taken,
    },
    702: {
        **_EXACT, **{name.removesuffix("Rtg"): show for name, show in _EXACT.items()},
        "VNomRtg": lambda *_: NOMINAL, "VNom": lambda *_: NOMINAL, "CtrlModes": _modes,
    },
    703: {"ESDlyRemTms": lambda orders, _: orders.functions.remaining},
    704: {
        "WSetRvrtRem": lambda orders, _: orders.remaining(),
    },
    713: {
        "WHRtg": lambda _, seen: seen.car.energy,
        "WHAvail": lambda _, seen: _known(None if seen.car.soc is None else seen.car.soc * seen.car.energy),
        "SoC": lambda _, seen: _soc(seen), "Sta": lambda *_: "OK",
    },
    714: {
        "NPrt": lambda *_: 1, "DCA": lambda _, seen: _known(seen.amps, -1),
        "DCW": lambda _, seen: _known(seen.volts * seen.amps, -1),
        "Prt.1.DCA": lambda _, seen: _known(seen.amps, -1), "Prt.1.DCV": lambda _, seen: _known(seen.volts),
        "Prt.1.DCW": lambda _, seen: _known(seen.volts * seen.amps, -1),
    },
    715: {"LocRemCtl": lambda *_: "REMOTE", "DERHb": lambda _, seen: _heart(seen)},
    802: {
        "WHRtg": lambda _, seen: seen.car.energy,
        "AHRtg": lambda _, seen: seen.car.energy / seen.volts if seen.volts > 1 else nan,
        "WChaRteMax": lambda _, seen: seen.car.charge, "WDisChaRteMax": lambda _, seen: seen.car.discharge,
        "SoC": lambda _, seen: _soc(seen), "ChaSt": lambda _, seen: _flow(seen), "LocRemCtl": lambda *_: "REMOTE",
        "Hb": lambda _, seen: _heart(seen), "Typ": lambda *_: "LITHIUM_ION",
        "State": _battery,
        "Evt1": lambda *_: 0, "Evt2": lambda *_: 0, "EvtVnd1": lambda *_: 0, "EvtVnd2": lambda *_: 0,
        "V": lambda _, seen: _known(seen.volts), "A": lambda _, seen: _known(seen.amps, -1),
        "W": lambda _, seen: _known(seen.volts * seen.amps, -1),
    },
    **{number: dict(_function(each)) for number, each in known().items()},
    64901: {
        "Num": lambda orders, _: orders.moment.number,
        "Tm": lambda _, seen: int(seen.epoch),
        "TmOfs": lambda orders, _: orders.moment.offset / 60,
        "Rsn": lambda orders, _: REASONS.index(orders.moment.reason) + 1 if orders.moment.reason else None,
        "Plg": lambda _, seen: float(seen.car.plugged),
        "Wait": lambda orders, _: float(orders.waits),
        "TmpCel": lambda _, seen: _known(seen.car.cells),
    },
}  # fmt: skip

Check = Callable[[float, Orders, Seen], bool]


def _switch(value: float, _orders: Orders, _seen: Seen) -> bool:
    return value in {0, 1}


def _symbol_of(number: int, point: str) -> Check:
    """Any value that the definition has a name for."""
    return lambda value, *_: value in model(number).named(point).symbols.values()


def _any(_value: float, _orders: Orders, _seen: Seen) -> bool:
    return True


def _none(value: float, _orders: Orders, _seen: Seen) -> bool:
    """What holds once nobody renews a set point is 0 W, and nothing else."""
    return value == 0


def _within(value: float, _orders: Orders, seen: Seen) -> bool:
    return -seen.charger.charge <= value <= seen.charger.discharge


def _switched(function: GridFunction) -> Check:
    """On, where the box has the function and somebody measures the grid; off always."""
    return lambda value, _orders, seen: value == 0 or (value == 1 and function.there and measured(seen.mains))


def _of(function: GridFunction) -> Iterator[tuple[SunPoint, Check]]:
    """Of a grid function, what can be written: whether a curve is one is a matter of its adoption."""
    yield (function.number, "Ena"), _switched(function)
    if function.there:
        yield (function.number, function.request), lambda value, *_: value == STORED
        yield from (((function.number, name), _any) for name in function.names(STORED))


TAKEN: Mapping[SunPoint, Check] = {
    (703, "ES"): _switch, (703, "ESVHi"): _any, (703, "ESVLo"): _any, (703, "ESHzHi"): _any, (703, "ESHzLo"): _any,
    (703, "ESDlyTms"): _any,
    (704, "WSetEna"): _switch,
    (704, "WSetMod"): _symbol_of(704, "WSetMod"),
    (704, "WSet"): _within,
    (704, "WSetRvrt"): _none,
    (704, "WSetPct"): lambda value, orders, seen: _within(value / 100 * orders.largest, orders, seen),
    (704, "WSetPctRvrt"): _none,
    (704, "WSetEnaRvrt"): _switch,
    (704, "WSetRvrtTms"): _any,
    (715, "ControllerHb"): _any,
    (715, "AlarmReset"): _switch,
    (715, "OpCtl"): _symbol_of(715, "OpCtl"),
    (802, "CtrlHb"): _any,
    (802, "AlmRst"): _switch,
    (802, "SetOp"): _symbol_of(802, "SetOp"),
    (802, "SetInvState"): _symbol_of(802, "SetInvState"),
    (64901, "Done"): lambda value, orders, _: value <= orders.moment.number,
    **{point: check for each in known().values() for point, check in _of(each)},
}  # fmt: skip
"""Points that can be written, with what they may be, in their unit."""


def served() -> tuple[Model, ...]:
    """The definitions of all models, in their order; raises `InputError` where they are not to be had."""
    return tuple(model(number, **counts) for number, counts in NUMBERS.items())
