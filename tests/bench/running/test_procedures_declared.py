"""What each kind of step declares before anything is switched on, of the little pack: worked out by hand."""

from collections.abc import Iterator
from math import nan, nextafter
from typing import Any

import pytest

from bench.asking import AskOperator
from bench.grid.steps import FollowFrequency, FollowPower, Manage, Supply
from bench.pack import PackFile
from bench.road import Precondition
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
    soc_above,
)
from bench.station import StationFile
from bench.strategies import FollowLimit
from instruments.roles import BmsMode
from models.cell import CellParameters
from tests.bench.running.declaring import FLOOR, FREQUENCY, HIGH, LOW, ONE_SECOND, SOON, TEN, declared, near, station
from tests.bench.running.test_managed_homes import hours

__all__ = ["station"]

CURVE = [(0.0, 2.0), (10.0, -1.0), (30.0, 0.0)]


@pytest.mark.parametrize(
    ("step", "direction", "mean", "envelope", "points", "words"),
    [
        (
            Charge("1C", SOON), "charge", 2.0,
            {"source current": [0.0, 2.0], "source voltage": [0.0, HIGH], "source power": [0.0, 2 * HIGH]},
            {"current": 2.0, "voltage": HIGH}, {},
        ),
        (
            FastRecharge(SOON), "charge", 4.0, {"source current": [0.0, 4.0], "source voltage": [0.0, HIGH]},
            {"current": 4.0, "voltage": HIGH}, {"strategy": "follow-limit"},
        ),
        (
            FastRecharge(SOON, condition=30.0), "charge", 4.0,
            {"source current": [0.0, 4.0], "source voltage": [0.0, HIGH], "chamber temperature": [30.0, 30.0]},
            {"current": 4.0, "voltage": HIGH, "conditioned to": 30.0},
            {"strategy": "follow-limit", "conditioned by": "chamber"},
        ),
        *[
            (
                step, "discharge", 1.0,
                {"sink current": [0.0, 1.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, HIGH]},
                {"current": -1.0}, {},
            )
            for step in (Discharge("C/2", SOON), Pulse("C/2"))
        ],
        (
            ConstantPower(26.0, until=SOON), "charge", 2.0,
            {"source current": [0.0, 26 / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, 26.0]},
            {"power": 26.0}, {},
        ),
        (
            ConstantPower(-26.0, until=SOON), "discharge", 2.0,
            {"sink current": [0.0, 26 / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 26.0]},
            {"power": -26.0}, {},
        ),
        (
            Profile(CURVE), "both", 4 / 3,
            {
                "source current": [0.0, 2.0], "source voltage": [0.0, HIGH], "source power": [0.0, 2 * HIGH],
                "sink current": [0.0, 1.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, HIGH],
            },
            {"largest current": 2.0, "smallest current": -1.0}, None,
        ),
        (
            Profile(CURVE, quantity="power", scale=-6.5), "both", 6.5 * 4 / 3 / 13.0,
            {
                "source current": [0.0, 6.5 / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, 6.5],
                "sink current": [0.0, 13 / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 13.0],
            },
            {"largest power": 6.5, "smallest power": -13.0}, None,
        ),
        (
            Profile([(0.0, 2.0), (10.0, 0.0)]), "charge", 2.0,
            {"source current": [0.0, 2.0], "source voltage": [0.0, HIGH], "source power": [0.0, 2 * HIGH]},
            {"largest current": 2.0, "smallest current": 0.0}, None,
        ),
        (
            Profile([(0.0, -2.0), (10.0, 0.0)]), "discharge", 2.0,
            {"sink current": [0.0, 2.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 2 * HIGH]},
            {"largest current": 0.0, "smallest current": -2.0}, None,
        ),
        (Rest(SOON), "none", 0.0, {}, {}, {}),
        (Soak(40.0), "none", 0.0, {"chamber temperature": [40.0, 40.0]}, {"temperature": 40.0}, {}),
        (
            Precondition(40.0), "none", 0.0, {"chamber temperature": [40.0, 40.0]}, {"target": 40.0},
            {"conditioned by": "chamber"},
        ),
        (AskOperator("Is it warm?"), "none", 0.0, {}, {}, {"asked": "Is it warm?"}),
    ],
)  # fmt: skip
def test_what_it_may_ask_for_and_what_is_recorded_of_it(
    four_cells: PackFile, station: StationFile, step: Step, direction: str, mean: float, envelope: dict[str, Any],
    points: dict[str, float], words: dict[str, str] | None,
) -> None:  # fmt: skip
    found, asks = declared(step, four_cells, station)
    assert asks == near(envelope)
    assert (found.direction, found.mean_current()) == (direction, pytest.approx(mean))
    assert found.set_points() == near(points)
    assert words is None or found.words() == words
    modes = {"charge": BmsMode.CHARGE, "discharge": BmsMode.DISCHARGE, "both": BmsMode.DISCHARGE, "none": None}
    assert found.mode is modes[direction]
    period = 0.1 if isinstance(step, Pulse) else ONE_SECOND if found.mode else TEN
    assert (found.scan_period, found.steady_pace, found.pace(3.0)) == (period, period, period)


@pytest.mark.parametrize(
    ("step", "may_pause", "resumable"),
    [
        (Charge(1.0, SOON), True, True), (FastRecharge(SOON), True, True), (Discharge(1.0, SOON), True, True),
        (Pulse(1.0), False, False), (ConstantPower(9.0, until=SOON), True, True), (Profile(CURVE), True, True),
        (Rest(SOON), True, True), (Soak(30.0), False, True), (Precondition(30.0), False, True),
        (AskOperator("?"), False, False), (FollowPower([(0.0, 9.0), (9.0, 0.0)]), True, True),
        (FollowFrequency(FREQUENCY), True, True), (Supply([(0.0, 9.0), (9.0, 0.0)]), True, True),
        (Manage("nobody", hours(1)), True, True),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_over_too_soon_is_not_paused_and_begins_anew(
    four_cells: PackFile, station: StationFile, step: Step, may_pause: bool, resumable: bool
) -> None:
    found, _ = declared(step, four_cells, station)
    assert (found.may_pause, found.resumable) == (may_pause, resumable)
    assert found.preparation == (40.0 if isinstance(step, Manage) else 0.0)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Charge(1.0, SOON), ["Step Time at least 60 s"]),
        (Soak(30.0), ["air within 2 K, cells within 2 K and drifting less than 1 K/h"]),
        (Precondition(30.0), ["cells within 2 K of 30 °C", "Step Time at least 3600 s"]),
        (AskOperator("?", answers=("yes", "no")), ["the operator says 'yes' or 'no'"]),
    ],
)
def test_what_ends_it_is_said_in_words(four_cells: PackFile, station: StationFile, step: Step, says: list[str]) -> None:
    assert declared(step, four_cells, station)[0].until() == says


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Precondition(30.0, within=nextafter(0.0, 1.0)), []),
        (Precondition(30.0, within=0.0), ["within 0 s nothing is conditioned: give more than 0."]),
        (Precondition(30.0, within=nan), ["within nan s nothing is conditioned: give more than 0."]),
        (Precondition(-10.0), []), (Precondition(50.0), []),
        (Precondition(50.5), ["50.5 degC, the pack's charge_temperature allows -10 to 50 degC."]),
        (Precondition(-10.5), ["-10.5 degC, the pack's charge_temperature allows -10 to 50 degC."]),
        (Charge(1.0, SOON, cell_voltage=3.05), []), (Charge(1.0, SOON, cell_voltage=3.45), []),
        (Charge(1.0, SOON, cell_voltage=3.46), ["3.46 V per cell, the pack allows 3.05 to 3.45 V."]),
        (Charge(1.0, SOON, cell_voltage=3.04), ["3.04 V per cell, the pack allows 3.05 to 3.45 V."]),
    ],
)  # fmt: skip
def test_what_a_pack_may_not_have_and_nobody_has_time_for_is_told(
    four_cells: PackFile, station: StationFile, step: Step, says: list[str]
) -> None:
    assert list(declared(step, four_cells, station)[0].problems()) == says


# --- what is conditioned ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "chamber", "coolant"),
    [
        (Soak(40.0), 40.0, [40.0, 40.0]), (Soak(60.0), 60.0, [45.0, 45.0]), (Soak(-20.0), -20.0, [-10.0, -10.0]),
        # Coolant leads by 20 K at most, as far as unit (-10 to 45 degC) and pack (-10 to 50 degC) go.
        (Precondition(20.0), None, [0.0, 40.0]), (Precondition(20.0, lead=5.0), None, [15.0, 25.0]),
        (Precondition(30.0), None, [10.0, 45.0]), (Precondition(0.0), None, [-10.0, 20.0]),
        (Precondition(48.0), None, [28.0, 48.0]),  # that cannot be: pre-flight says so
        (Precondition(20.0, by="chamber"), 20.0, None),
        (FastRecharge(SOON, condition=30.0), None, [10.0, 45.0]),
    ],
)  # fmt: skip
def test_what_chamber_and_coolant_unit_may_be_asked_for(
    four_cells: PackFile, station: StationFile, step: Step, chamber: float | None, coolant: list[float] | None
) -> None:
    found, asks = declared(step, four_cells, station, "source", "sink", "chamber", "coolant")
    assert asks.get("chamber temperature") == (None if chamber is None else [chamber, chamber])
    assert asks.get("coolant temperature") == coolant
    if not isinstance(step, Soak):
        assert found.words()["conditioned by"] == ("chamber" if coolant is None else "coolant")


def test_a_charge_by_a_strategy_that_has_promised_a_time_says_so(four_cells: PackFile, station: StationFile) -> None:
    class Promising(FollowLimit):
        promised = 1234.0

    found, _ = declared(FastRecharge(soc_above(0.8), strategy=Promising()), four_cells, station)
    assert found.set_points()["promised time"] == 1234.0


@pytest.mark.parametrize(
    ("until", "asks", "told"),
    [
        ([SOON], True, [0.0]), ([soc_above(0.8), SOON], True, [0.8]), ([soc_above(0.8), soc_above(0.6)], True, [0.6]),
        ([soc_above(0.8)], False, []),
    ],
)  # fmt: skip
def test_a_strategy_is_asked_whether_it_gets_to_the_first_charge_that_ends_the_step(
    four_cells: PackFile, station: StationFile, until: list[Until], asks: bool, told: list[float]
) -> None:
    """Where no charge ends it, any will do; whoever asks for nothing gets as far as the BMS has it."""
    found = list[float]()

    class Asked(FollowLimit):
        @property
        def asks(self) -> bool:
            return asks

        def problems(self, soc: float, cell: CellParameters) -> Iterator[str]:
            assert cell.chemistry == "LFP"
            found.append(soc)
            yield "it does not get there."

    step = FastRecharge(until, strategy=Asked())
    assert list(declared(step, four_cells, station)[0].problems()) == ["it does not get there."] * len(told)
    assert found == told
