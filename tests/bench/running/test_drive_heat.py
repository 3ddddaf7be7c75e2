"""A drive with a car's heat around the pack: what chamber and coolant are asked for, and what the record says of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bench.columns import COOLANT_SUPPLY, DERIVED, INDEX
from bench.pack import load_pack
from bench.recording.run import RunRecord
from bench.road import Drive, after_a_night
from bench.running.procedures.drive import DriveProcedure
from bench.running.procedures.leading import AHEAD
from bench.scenario import FastRecharge, Rest, elapsed, soc_above
from bench.testing import TestBench
from bench.verdicts import InputError
from reports import kpi
from reports.recording import Recording
from tests.bench.running.test_leading import Instruments
from tests.packbench.mapping.outcomes import hop

OpenOn = Callable[..., TestBench]
PACK = load_pack("lfp-vehicle")[0]
COUNTRY = "short-hop"


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


def warm_drive(**more: object) -> Drive:
    asked = {"season": "paris-spring", "heat": "car", "precondition": 25.0, "start": 10.0, **more}
    return Drive(COUNTRY, **asked)  # type: ignore[arg-type]


def test_the_air_is_the_seasons_the_coolant_leads_and_the_heater_is_in_the_command(on: OpenOn) -> None:
    bench, step = on("virtual-vehicle", temperature=10.0, soc=0.5), warm_drive()
    run = bench.run(step)
    outside = step.journey.outside
    way = step.on_the_way(bench.pack)
    asked = [event for event in run.events if event["type"] == "set point"]
    assert {event["value"] for event in asked if event["instrument"] == "chamber"} == {outside}
    coolant = [event["value"] for event in asked if event["instrument"] == "coolant"]
    assert coolant
    assert max(coolant) > 15.0
    command = column(run, "Command Power / W")
    command = command[~np.isnan(command)]
    scale = step.scale_for(bench.pack)
    wanted = -scale * (step.journey.power + way.power)
    assert command == pytest.approx(wanted[: len(command)], abs=1e-6)
    assert way.power.max() == pytest.approx(5000.0)
    started = next(event for event in run.events if event["type"] == "step started")
    assert started["words"]["conditioned by"] == "coolant"
    assert started["set_points"]["expected arrival"] == pytest.approx(float(way.cells[-1]))
    assert started["set_points"]["heater and chiller"] == pytest.approx(way.energy)
    assert started["set_points"]["target"] == 25.0
    off = kpi.arrival_off_the_cars(Recording(*run), 1)
    assert abs(off.value) <= 2.5, "the twin of a car's pack and the modelled pack on its bench"
    assert kpi.preconditioning_energy(Recording(*run), 1).value == pytest.approx(way.energy)


def test_a_pack_that_nobody_heats_has_no_coolant_asked_beyond_its_own(on: OpenOn) -> None:
    run = on("virtual-vehicle", temperature=10.0, soc=0.5).run(Drive(COUNTRY, season="paris-spring"))
    assert not [event for event in run.events if event["type"] == "set point" and event["instrument"] == "coolant"]
    assert "conditioned by" not in next(event for event in run.events if event["type"] == "step started").get(
        "words", {}
    )


def test_who_is_conditioned_has_a_cars_heat_around_it() -> None:
    assert Drive(COUNTRY, precondition=25.0).heated
    assert Drive(COUNTRY, heat="car").heated
    assert not Drive(COUNTRY).heated
    # The fingerprint of a run that is resumed tells them apart.
    assert len({warm_drive().identity, warm_drive(precondition=20.0).identity, warm_drive(start=5.0).identity}) == 3


def test_without_a_coolant_unit_the_chamber_follows_the_twin_and_the_record_says_so(on: OpenOn) -> None:
    run = on("virtual-module", temperature=10.0, soc=0.5).run(warm_drive(precondition=None, start=14.0))
    started = next(event for event in run.events if event["type"] == "step started")
    assert started["words"]["conditioned by"] == "chamber"
    asked = [event["value"] for event in run.events if event["type"] == "set point"]
    assert asked[0] == pytest.approx(14.0, abs=0.3)
    assert not {event["instrument"] for event in run.events if event["type"] == "set point"} & {"coolant"}


@pytest.mark.parametrize(
    ("station", "step", "says"),
    [
        ("virtual-vehicle", FastRecharge(until=soc_above(0.8), condition=80.0), "80 °C"),
        ("virtual-module", FastRecharge(until=soc_above(0.8), condition=80.0), "80 °C"),
        ("virtual-vehicle", warm_drive(precondition=80.0), "80 °C"),
        ("virtual-vehicle", warm_drive(precondition=-60.0), "-60 °C"),
    ],
)
def test_what_chamber_and_coolant_cannot_do_is_refused_before_anything_is_switched_on(
    on: OpenOn, station: str, step: FastRecharge | Drive, says: str
) -> None:
    bench = on(station)
    with pytest.raises(InputError, match=says):
        bench.run(step)
    assert not [event for event in bench.run_log.events if event["type"] in ("set point", "step started")]


@pytest.mark.parametrize(("start", "target"), [(-5.0, 25.0), (40.0, 20.0)])
def test_a_charge_that_is_conditioned_never_asks_for_more_than_ten_kelvin_ahead_of_the_cells(
    on: OpenOn, start: float, target: float
) -> None:
    bench = on("virtual-vehicle", temperature=start, soc=0.5)
    run = bench.run(FastRecharge(until=[soc_above(0.8), elapsed(minutes=20)], condition=target))
    asked = column(run, "Set Coolant Temperature / degC")
    cells = (column(run, "Cell Temperature Min / degC") + column(run, "Cell Temperature Max / degC")) / 2
    known = ~np.isnan(asked)
    assert known.sum() > 100
    # 1 K for the 2 K in which a unit is asked, and what the cells went on by since they were asked last.
    assert np.abs(asked[known] - cells[known]).max() <= AHEAD + 2.5
    assert np.sign(asked[known][0] - cells[known][0]) == np.sign(target - start)
    assert abs(cells[-1] - target) < abs(cells[0] - target)


def test_a_after_a_night_is_between_the_evening_and_the_morning() -> None:
    assert -10.0 < after_a_night("oslo-winter", 7.0, PACK) < 0.0
    assert 25.0 < after_a_night("seville-summer", 15.0, PACK) < 37.0
    with pytest.raises(InputError, match=r"no season 'sommer' \(nearest: summer\)"):
        after_a_night("oslo-sommer", 7.0, PACK)


def test_departure_is_what_the_road_takes_above_the_arrival(tmp_path: Path) -> None:
    drive = Drive(hop(tmp_path), heat="car", start=10.0)
    warm = Drive(hop(tmp_path), heat="car", start=10.0, precondition=25.0)
    assert 0.10 < drive.departure(PACK, 0.10) < warm.departure(PACK, 0.10) < 0.12


def test_a_pack_leaves_the_coolant_where_it_was_last_asked_for(on: OpenOn) -> None:
    bench = on("virtual-vehicle", temperature=10.0, soc=0.5)
    bench.run(warm_drive(), Rest(until=elapsed(seconds=5)))
    assert bench.conclude().verdict == "PASS"


# --- what coolant is asked for, scan by scan --------------------------------------------------------------------------


def conditioned(
    step: Drive, scans: Sequence[tuple[float, float, float]], *, scale: float = 1.0, by: str = "coolant"
) -> Instruments:
    """What is asked of chamber and coolant by rows of (s of the step, degC of the cells, degC that the unit gives)."""
    bench = Instruments(PACK)
    if by == "chamber":
        del bench.place.roles["coolant"]
    bench.place.index = {name: at for at, name in enumerate((*DERIVED, *([COOLANT_SUPPLY] if by == "coolant" else [])))}
    nothing = lambda *_: None  # noqa: E731
    stage = cast("Any", bench.stage)
    stage.flow = SimpleNamespace(charge=nothing, discharge=nothing, off=nothing)
    stage.sampler.commands = nothing
    control = DriveProcedure(replace(step, scale=scale), bench.place).begin(stage)
    for time, warm, supply in scans:
        row = [nan] * (len(DERIVED) + 1)
        known = {
            "Voltage / V": 340.0, "Cell Voltage Max / V": 3.3, "Discharge Current Limit / A": 300.0,
            "Charge Current Limit / A": 200.0, "Cell Temperature Min / degC": warm - 1.0,
            "Cell Temperature Max / degC": warm + 1.0,
        }  # fmt: skip
        for name, value in known.items():
            row[INDEX[name]] = value
        row[-1] = supply
        control(row, time)
    return bench


AT = 200.0


@pytest.mark.parametrize(
    ("target", "warm", "heat"),
    [
        # Of cells that are led to 25 degC the heater and the motor's waste heat have all beyond a band below it, ...
        (25.0, 10.0, "all"), (25.0, 40.0, "chiller"), (25.0, 25.0, "none"),
        # ... and of others nobody does anything but in frost and in the heat.
        (None, 20.0, "none"), (None, 45.0, "chiller"), (None, 5.0, "waste"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("behind", "more"),
    [(0.0, 0.0), (0.25, 1.0), (-0.25, -1.0), (0.75, 3.0), (0.8, 3.0), (9.0, 3.0), (-9.0, -3.0), (nan, 0.0)],
)
def test_a_cars_coolant_is_what_its_own_controller_would_make_of_the_cells_as_they_are(
    target: float | None, warm: float, heat: str, behind: float, more: float
) -> None:
    """And as much more as the unit is behind by, four times and at most 3 K; all in half a kelvin."""
    step = warm_drive(precondition=target)
    way, thermal = step.on_the_way(PACK), step.journey.car.thermal
    cells, plate = way.at(AT)
    waste = thermal.waste_heat * way.lost_at(AT)
    watts = {"all": thermal.heater + waste, "chiller": -thermal.chiller, "none": 0.0, "waste": waste}[heat]
    wanted = warm + plate - cells + watts / way.carries
    bench = conditioned(step, [(AT, warm, wanted - behind)])
    outside, (who, asked) = bench.asked
    assert outside == ("chamber", step.journey.outside, None)
    assert who == "coolant"
    may = DriveProcedure(step, bench.place).envelope()["coolant", "temperature"]
    assert asked == pytest.approx(min(max(0.5 * round((wanted + more) / 0.5), may.low), may.high))
    assert waste > 0


def test_nothing_is_asked_of_coolant_in_a_scan_in_which_nobody_knows_the_cells() -> None:
    bench = conditioned(warm_drive(), [(AT, nan, 20.0)])
    assert [who for who, *_ in bench.asked] == ["chamber"]


def test_cells_are_conditioned_for_the_charge_only_in_the_last_half_hour_of_the_way() -> None:
    step = warm_drive(precondition=25.0)
    begins = step.survey.duration - 1800.0
    assert begins < AT, "all of a short hop is within it"
    far = Drive("country", season="paris-spring", heat="car", precondition=25.0, start=20.0)
    begins = far.survey.duration - 1800.0
    colder, warmer = ((conditioned(far, [(time, 20.0, nan)]).asked[-1])[1] for time in (begins - 1, begins))
    assert warmer - colder > 3.0


@pytest.mark.parametrize(("scale", "by"), [(0.49, "coolant"), (-0.49, "coolant"), (1.0, "chamber")])
def test_the_cells_of_what_is_no_cars_pack_are_led_to_what_those_of_the_car_are(scale: float, by: str) -> None:
    step = warm_drive()
    warm = 0.5 * round(step.on_the_way(PACK).at(AT)[0] / 0.5)
    bench = conditioned(step, [(AT, warm - 1.0, nan)], scale=scale, by=by)
    assert bench.asked[-1][:2] == (by, warm if by == "chamber" else warm + 2.0)
    assert [who for who, *_ in bench.asked] == (["chamber"] if by == "chamber" else ["chamber", "coolant"])


@pytest.mark.parametrize("scale", [0.5, -0.5])
def test_half_a_cars_pack_is_one(scale: float) -> None:
    step = warm_drive()
    asked = [conditioned(step, [(AT, 12.0, nan)], scale=each).asked[-1] for each in (scale, 1.0, 0.49)]
    assert asked[0] == asked[1] != asked[2]


def test_a_drive_that_nobody_heats_asks_nothing_of_chamber_and_coolant() -> None:
    assert conditioned(Drive(COUNTRY, season="paris-spring"), [(AT, 10.0, nan)]).asked == []
