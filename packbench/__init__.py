"""The public door: what a test, or a package that extends the bench, imports is here, and nothing else is promised.

```python
from packbench import Charge, Rest, Soak, current_below, elapsed, kpi, load_run
```

Names are loaded when they are first asked for: `packbench --help` waits for none of them. Who extends the bench finds
here what a role, a driver, a step, a KPI, a guard limit and a fault are made of, and in `packbench.simulation` what a
simulator is; `examples/insulation_bench` brings one of each.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.asking import AskOperator, ask_operator
    from bench.grid.steps import FollowFrequency, FollowPower, Manage, Response, Supply, containment, droop, limited
    from bench.managing.answer import NoAnswer
    from bench.managing.links import LinkKind, Seen, Standing
    from bench.pack import PackFile, at_temperature, load_pack
    from bench.road import Drive, Precondition
    from bench.roles import Column, Power, Range, Role, SafeStep
    from bench.running.ending import Ending
    from bench.running.procedures import Control, Envelope, Extremes, Place, Procedure, Stage
    from bench.running.procedures.bounds import bound
    from bench.running.sampling import Row
    from bench.safety.faults import Fault
    from bench.safety.guard import Limit, Recovery
    from bench.scenario import (
        Charge,
        ConstantPower,
        Discharge,
        FastRecharge,
        Profile,
        Pulse,
        Rest,
        Soak,
        Step,
        Until,
        cell_voltage_above,
        cell_voltage_below,
        current_below,
        elapsed,
        full_discharge,
        soc_above,
        soc_below,
        standard_charge,
    )
    from bench.station import StationFile, load_station
    from bench.strategies import (
        ConstantCurrent,
        FollowLimit,
        MultiStage,
        Optimum,
        PlatingAware,
        Scaled,
        Strategy,
        strategy_named,
    )
    from bench.testing import TestBench, Verify
    from bench.verdicts import (
        BenchFault,
        ChargerFailure,
        Inconclusive,
        InputError,
        ManagerFailure,
        PackFailure,
        TestError,
        Verdict,
    )
    from instruments import roles
    from instruments.driver import Setting, VisaDriver
    from instruments.roles import (
        BatteryEmulator,
        BatteryManagement,
        BmsMode,
        BmsState,
        Channel,
        Charger,
        ChargerRatings,
        ChargerState,
        ClimateChamber,
        CoolantAlarm,
        CoolantUnit,
        Identity,
        InstrumentFault,
        Ratings,
        SetPointRejected,
        Sink,
        Source,
        TemperatureLogger,
    )
    from instruments.wires.context import InstrumentLink, LinkContext
    from instruments.wires.links import ErrorQueue, LinkProfile
    from models.grid.frequency import Frequency, read_frequency, synthetic_frequency
    from models.grid.week import Days, Outage, Trip
    from models.twin import Beginning
    from models.vehicle.losses import drive_losses
    from packbench import simulation
    from packbench.days import days_at_home
    from packbench.own_rule import serve_manager
    from packbench.roads import driving_range, recharge_after, to_departure
    from packbench.runs import load_recording, load_run
    from packbench.words import Require, RunScenario
    from reports import kpi
    from reports.comparing import compare_strategies
    from reports.kpi import Kpi
    from reports.recording import Recording, RecordingError
    from reports.requirements import limits_of

__all__ = [
    "AskOperator", "BatteryEmulator", "BatteryManagement", "Beginning", "BenchFault", "BmsMode", "BmsState", "Channel",
    "Charge", "Charger", "ChargerFailure", "ChargerRatings", "ChargerState", "ClimateChamber", "Column",
    "ConstantCurrent", "ConstantPower", "Control", "CoolantAlarm", "CoolantUnit", "Days", "Discharge", "Drive",
    "Ending", "Envelope", "ErrorQueue", "Extremes", "FastRecharge", "Fault", "FollowFrequency", "FollowLimit",
    "FollowPower", "Frequency", "Identity", "Inconclusive", "InputError", "InstrumentFault", "InstrumentLink", "Kpi",
    "Limit", "LinkContext", "LinkKind", "LinkProfile", "Manage", "ManagerFailure", "MultiStage", "NoAnswer", "Optimum",
    "Outage", "PackFailure", "PackFile", "Place", "PlatingAware", "Power", "Precondition", "Procedure", "Profile",
    "Pulse", "Range", "Ratings", "Recording", "RecordingError", "Recovery", "Require", "Response", "Rest", "Role",
    "Row", "RunScenario", "SafeStep", "Scaled", "Seen", "SetPointRejected", "Setting", "Sink", "Soak", "Source",
    "Stage", "Standing", "StationFile", "Step", "Strategy", "Supply", "TemperatureLogger", "TestBench", "TestError",
    "Trip", "Until", "Verdict", "Verify", "VisaDriver", "ask_operator", "at_temperature", "bound",
    "cell_voltage_above", "cell_voltage_below", "compare_strategies", "containment", "current_below", "days_at_home",
    "drive_losses", "driving_range", "droop", "elapsed", "full_discharge", "kpi", "limited", "limits_of", "load_pack",
    "load_recording", "load_run", "load_station", "read_frequency", "recharge_after", "roles", "serve_manager",
    "simulation", "soc_above", "soc_below", "standard_charge", "strategy_named", "synthetic_frequency", "to_departure",
]  # fmt: skip

_HOMES = {
    "bench.managing.answer": ("NoAnswer",),
    "bench.managing.links": ("LinkKind", "Seen", "Standing"),
    "bench.pack": ("PackFile", "at_temperature", "load_pack"),
    "bench.grid.steps": (
        "FollowFrequency", "FollowPower", "Manage", "Response", "Supply", "containment", "droop", "limited",
    ),
    "bench.asking": ("AskOperator", "ask_operator"),
    "bench.road": ("Drive", "Precondition"),
    "bench.roles": ("Column", "Power", "Range", "Role", "SafeStep"),
    "bench.running.ending": ("Ending",),
    "bench.running.procedures": ("Control", "Envelope", "Extremes", "Place", "Procedure", "Stage"),
    "bench.running.procedures.bounds": ("bound",),
    "bench.running.sampling": ("Row",),
    "bench.safety.faults": ("Fault",),
    "bench.safety.guard": ("Limit", "Recovery"),
    "bench.scenario": (
        "Charge", "ConstantPower", "Discharge", "FastRecharge", "Profile", "Pulse", "Rest", "Soak", "Step", "Until",
        "cell_voltage_above", "cell_voltage_below", "current_below", "elapsed", "full_discharge", "soc_above",
        "soc_below", "standard_charge",
    ),
    "bench.station": ("StationFile", "load_station"),
    "bench.strategies": (
        "ConstantCurrent", "FollowLimit", "MultiStage", "Optimum", "PlatingAware", "Scaled", "Strategy",
        "strategy_named",
    ),
    "bench.testing": ("TestBench", "Verify"),
    "bench.verdicts": (
        "BenchFault", "ChargerFailure", "Inconclusive", "InputError", "ManagerFailure", "PackFailure", "TestError",
        "Verdict",
    ),
    "instruments.driver": ("Setting", "VisaDriver"),
    "instruments.roles": (
        "BatteryEmulator", "BatteryManagement", "BmsMode", "BmsState", "Channel", "Charger",
        "ChargerRatings", "ChargerState", "ClimateChamber", "CoolantAlarm",
        "CoolantUnit", "Identity", "InstrumentFault", "Ratings", "SetPointRejected", "Sink", "Source",
        "TemperatureLogger",
    ),
    "instruments.wires.context": ("InstrumentLink", "LinkContext"),
    "instruments.wires.links": ("ErrorQueue", "LinkProfile"),
    "models.grid.frequency": ("Frequency", "read_frequency", "synthetic_frequency"),
    "models.grid.week": ("Days", "Outage", "Trip"),
    "models.twin": ("Beginning",),
    "models.vehicle.losses": ("drive_losses",),
    "packbench.days": ("days_at_home",),
    "packbench.own_rule": ("serve_manager",),
    "packbench.roads": ("driving_range", "recharge_after", "to_departure"),
    "packbench.runs": ("load_recording", "load_run"),
    "packbench.words": ("Require", "RunScenario"),
    "reports.comparing": ("compare_strategies",),
    "reports.kpi": ("Kpi",),
    "reports.recording": ("Recording", "RecordingError"),
    "reports.requirements": ("limits_of",),
}  # fmt: skip
_MODULES = {"kpi": "reports.kpi", "roles": "instruments.roles", "simulation": "packbench.simulation"}
_home_of = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The name, from where it lives; kept, so that it is looked up once."""
    if name in _MODULES:
        found = _opened(_MODULES[name])
    elif name in _home_of:
        found = getattr(_opened(_home_of[name]), name)
    else:
        raise AttributeError(f"packbench has no {name!r}; it has {', '.join(__all__)}.")
    globals()[name] = found
    return found


def _opened(room: str) -> Any:
    """A module of ours; raises `ImportError` with one sentence where a folder of somebody else's hides it."""
    try:
        return import_module(room)
    except ImportError as error:
        from packbench.hidden import hidden

        problem = hidden()
        if problem is None:
            raise
        raise ImportError(problem) from error


def __dir__() -> list[str]:
    return __all__
