"""What the points of the served SunSpec models hold, and what may be written to which.

A source of energy is what SunSpec has in mind: its power is positive where the car gives, and a set point below 0
charges. Whatever a definition has and this table has not is not there; SunSpec has a value that says so.
"""

from collections.abc import Callable, Mapping
from math import isnan, nan

from bench.managing.links import Seen
from bench.managing.modbus.orders import HALT, OPERATE, Orders, SunPoint
from bench.managing.modbus.sunspec import Model, Value, model
from bench.managing.moments import REASONS

Show = Callable[[Orders, Seen], Value]

NUMBERS: Mapping[int, Mapping[str, int]] = {
    1: {}, 701: {}, 702: {}, 703: {}, 704: {}, 713: {}, 714: {"NPrt": 1}, 715: {}, 802: {}, 64901: {},
}  # fmt: skip
"""The models in the order in which they are served, each with how often its groups repeat."""
FACTORS: Mapping[int, Mapping[str, int]] = {
    701: {"W_SF": 1, "TotWh_SF": 0}, 702: {"W_SF": 1}, 703: {"V_SF": 0, "Hz_SF": 0},
    704: {"WSet_SF": 0, "WSetPct_SF": -1}, 713: {"WH_SF": 1, "Pct_SF": -2},
    714: {"DCA_SF": -1, "DCV_SF": -1, "DCW_SF": 1},
    802: {
        "AHRtg_SF": -1, "WHRtg_SF": 1, "WChaDisChaMax_SF": 1, "SoC_SF": -2, "V_SF": -1, "A_SF": -1, "W_SF": 1,
        "CellV_SF": -3, "AMax_SF": -1,
    },
    64901: {"Tmp_SF": -1},
}  # fmt: skip
"""The powers of ten by which points stand in their registers: W in tens, so that a car's fit into 16 bit."""
OFF, STANDBY, RUNNING = 1, 8, 4
"""`InvSt`: no car; a car, and no power; power."""
RESTING = 50.0


def _known(value: float | None, factor: float = 1.0) -> Value:
    return None if value is None or isnan(value) else factor * value


def _soc(seen: Seen) -> Value:
    return _known(seen.car.soc if seen.car.plugged else None, 100)


def _state(seen: Seen) -> Value:
    if not seen.car.plugged:
        return OFF
    return RUNNING if abs(seen.power) > RESTING else STANDBY


def _flow(seen: Seen) -> Value:
    """`ChaSt`: off, discharging, charging, holding."""
    if not seen.car.plugged:
        return 1
    if abs(seen.power) <= RESTING:
        return 6
    return 4 if seen.power > 0 else 3


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
SHOWN: Mapping[int, Mapping[str, Show]] = {
    1: {
        "Mn": lambda *_: "packbench", "Md": lambda *_: "served car", "Opt": lambda *_: "bidirectional",
        "Vr": lambda *_: "1", "SN": lambda *_: "1", "DA": lambda *_: 1,
    },
    701: {
        "ACType": lambda *_: 3,
        "St": lambda _, seen: 2 if seen.car.plugged else 1,
        "InvSt": lambda _, seen: _state(seen),
        "ConnSt": lambda _, seen: 2 if seen.car.plugged else 1,
        "Alrm": lambda *_: 0,
        "DERMode": lambda *_: 1,
        "W": lambda _, seen: _known(seen.power, -1),
        "TotWhInj": lambda _, seen: seen.given,
        "TotWhAbs": lambda _, seen: seen.taken,
    },
    702: {
        **_EXACT, **{name.removesuffix("Rtg"): show for name, show in _EXACT.items()},
        "CtrlModes": lambda *_: 1 << 1,
    },
    703: {"ESDlyRemTms": lambda *_: 0},
    704: {
        "WSetRvrtRem": lambda orders, _: orders.remaining(),
    },
    713: {
        "WHRtg": lambda _, seen: seen.car.energy,
        "WHAvail": lambda _, seen: _known(None if seen.car.soc is None else seen.car.soc * seen.car.energy),
        "SoC": lambda _, seen: _soc(seen), "Sta": lambda *_: 1,
    },
    714: {
        "NPrt": lambda *_: 1, "DCA": lambda _, seen: _known(seen.amps, -1),
        "DCW": lambda _, seen: _known(seen.volts * seen.amps, -1),
        "Prt.1.DCA": lambda _, seen: _known(seen.amps, -1), "Prt.1.DCV": lambda _, seen: _known(seen.volts),
        "Prt.1.DCW": lambda _, seen: _known(seen.volts * seen.amps, -1),
    },
    715: {"LocRemCtl": lambda *_: 0, "DERHb": lambda _, seen: _heart(seen)},
    802: {
        "WHRtg": lambda _, seen: seen.car.energy,
        "AHRtg": lambda _, seen: seen.car.energy / seen.volts if seen.volts > 1 else nan,
        "WChaRteMax": lambda _, seen: seen.car.charge, "WDisChaRteMax": lambda _, seen: seen.car.discharge,
        "SoC": lambda _, seen: _soc(seen), "ChaSt": lambda _, seen: _flow(seen), "LocRemCtl": lambda *_: 0,
        "Hb": lambda _, seen: _heart(seen), "Typ": lambda *_: 4,
        "State": lambda _, seen: 3 if seen.car.plugged else 1,
        "Evt1": lambda *_: 0, "Evt2": lambda *_: 0, "EvtVnd1": lambda *_: 0, "EvtVnd2": lambda *_: 0,
        "V": lambda _, seen: _known(seen.volts), "A": lambda _, seen: _known(seen.amps, -1),
        "W": lambda _, seen: _known(seen.volts * seen.amps, -1),
    },
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


def _any(_value: float, _orders: Orders, _seen: Seen) -> bool:
    return True


def _none(value: float, _orders: Orders, _seen: Seen) -> bool:
    """What holds once nobody renews a set point is 0 W, and nothing else."""
    return value == 0


def _within(value: float, _orders: Orders, seen: Seen) -> bool:
    return -seen.charger.charge <= value <= seen.charger.discharge


TAKEN: Mapping[SunPoint, Check] = {
    (703, "ES"): _switch,
    (704, "WSetEna"): _switch,
    (704, "WSetMod"): lambda value, *_: value in {1, 2},
    (704, "WSet"): _within,
    (704, "WSetRvrt"): _none,
    (704, "WSetPct"): lambda value, orders, seen: _within(value / 100 * orders.largest, orders, seen),
    (704, "WSetPctRvrt"): _none,
    (704, "WSetEnaRvrt"): _switch,
    (704, "WSetRvrtTms"): _any,
    (715, "ControllerHb"): _any,
    (715, "AlarmReset"): _switch,
    (715, "OpCtl"): lambda value, *_: value in {*OPERATE, *HALT},
    (802, "CtrlHb"): _any,
    (802, "AlmRst"): _switch,
    (64901, "Done"): lambda value, orders, _: value <= orders.moment.number,
}
"""Points that can be written, with what they may be, in their unit."""


def served() -> tuple[Model, ...]:
    """The definitions of all models, in their order; raises `InputError` where they are not to be had."""
    return tuple(model(number, **counts) for number, counts in NUMBERS.items())
