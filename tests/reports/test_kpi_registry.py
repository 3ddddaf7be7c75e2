"""A KPI is one function that registers itself, whoever wrote it; a wrong one costs a sentence and nothing else."""

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from math import isnan
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import InputError, TestError
from reports import allure, kpi
from reports.kpi import registry, wording
from reports.kpi.meters import meters_of
from reports.recording import Recording, RecordingError
from tests.reports import extension
from tests.reports.worked import LOSSLESS, recorded, recording, sampled_quickly, without

OLD = Path(__file__).parents[1] / "recordings"
Bring = Callable[..., None]


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bring]:
    """Install packages that bring KPIs, by their names in `extension`."""

    def brought(*names: str) -> None:
        at = [EntryPoint(name, f"{extension.__name__}:{name}", registry.GROUP) for name in names]
        monkeypatch.setattr(registry, "_brought", lambda: tuple(at))
        registry.found.cache_clear()

    yield brought
    registry.found.cache_clear()


def names(run: Recording) -> set[tuple[str, str]]:
    return {(figure.step, figure.name) for figure in kpi.evaluate(run).figures}


# --- one function -----------------------------------------------------------------------------------------------------


def test_a_kpi_of_somebody_else_is_computed_wherever_it_applies_beside_ours(bring: Bring) -> None:
    ours = names(recording())
    bring("lowest_voltage", "voltage_drift")
    theirs = names(recording()) - ours
    assert theirs == {
        ("soak", "lowest voltage"), ("discharge", "lowest voltage"), ("charge", "lowest voltage"),
        ("soak", "voltage drift 60 s"),
    }  # fmt: skip
    assert ours <= names(recording())


def test_it_is_called_by_the_name_of_its_function(bring: Bring) -> None:
    bring("lowest_voltage")
    found = kpi.lowest_voltage(recording(), "discharge")
    assert (found.name, found.symbol, found.value, found.unit) == ("lowest voltage", "U_min", 60.0, "V")
    assert found.definition == "Lowest voltage at the terminals within the step."
    assert "lowest_voltage" in dir(kpi)
    with pytest.raises(AttributeError, match="There is no KPI 'lowest_voltge'; there are activation_time,"):
        kpi.lowest_voltge  # noqa: B018


def test_its_arguments_and_what_it_explains_are_words_of_its_name_and_its_definition(bring: Bring) -> None:
    bring("voltage_drift")
    found = kpi.voltage_drift(recording(), 2, over=3585.0)
    assert (found.key, found.symbol, found.step) == ("voltage drift 3585 s", "dU_3585", "discharge")
    assert found.definition == "Change of the voltage over the last 3585 s of the step, which ended at 60 V."
    assert found.value == pytest.approx(60.0 - 77.0)


def test_a_whole_module_can_be_brought(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    bring()
    module = EntryPoint("all", extension.__name__, registry.GROUP)
    monkeypatch.setattr(registry, "_brought", lambda: (module,))
    assert {each.key for each in registry.found().kpis} >= {"lowest voltage", "voltage drift {over:g} s"}


def test_a_module_that_only_uses_kpis_brings_none(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    user = ModuleType("user")
    user.capacity = kpi.capacity  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "user", user)
    bring()
    monkeypatch.setattr(registry, "_brought", lambda: (EntryPoint("user", "user", registry.GROUP),))
    assert "The KPI 'user' (user, of an unknown package) is no KPI" in registry.found().problems[0]


def test_a_function_without_a_definition_is_no_kpi() -> None:
    register = kpi.of_step("mute", symbol="x", unit="V", sense="at_least", columns=())
    with pytest.raises(InputError, match=r"KPI 'mute' \(.*it has no docstring, which is the definition"):
        register(lambda _run, _step: 1.0)


def test_a_sense_that_is_none_is_told_with_those_that_are() -> None:
    register = kpi.of_step("odd", symbol="x", unit="V", sense="more", columns=())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a sense of 'more' is none; allowed: at_least, at_most, within"):
        register(extension.lowest_voltage.function)


def test_one_column_may_be_given_by_itself() -> None:
    register = kpi.of_step("alone", symbol="x", unit="V", sense="at_least", columns="Voltage / V", also="SOC / 1")
    found = register(extension.lowest_voltage.function)
    assert (found.columns, found.also) == (("Voltage / V",), ("SOC / 1",))


def test_a_key_that_its_own_defaults_cannot_fill_is_told() -> None:
    def at_some_time(_run: Recording, _step: kpi.Step, at: float | None = None) -> float:
        """Nothing."""
        return at or 0.0

    register = kpi.of_step("after {at:g} s", symbol="x", unit="V", sense="at_least", columns=())
    with pytest.raises(InputError, match="its key cannot be filled with the defaults of its arguments: unsupported"):
        register(at_some_time)


def test_an_argument_without_a_default_has_to_be_given() -> None:
    @kpi.of_step("after {at:g} s", symbol="x", unit="V", sense="at_least", columns=(), applies=kpi.on_request)
    def after(_run: Recording, _step: kpi.Step, at: float) -> float:
        """The time {at:g} s."""
        return at

    assert after.named("after 5 s")
    assert after(recording(), "charge", at=5).key == "after 5 s"


# --- one that is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("nowhere", "The KPI 'nowhere' (tests.reports.extension:nowhere, of an unknown package) cannot be imported: "),
        ("NO_KPI", "is no KPI: register a function with packbench's kpi.of_step or kpi.of_cycle."),
        ("Callable", "is no KPI"),
        ("twin", "is left out: its key is that of KPI 'temperature rise' (reports.kpi.cells:temperature_rise)."),
        ("hidden_twin", "is left out: its key is that of KPI 'dc resistance {at:g} s' "),
        ("raising", "step 'discharge': ZeroDivisionError: division by zero"),
        ("choosy", "KPI 'choosy' (tests.reports.extension:lowest_voltage): ZeroDivisionError: division by zero"),
        ("wordy", "step 'charge': ValueError: first line second line"),
        ("text", "step 'charge': TypeError: it returned '3.3', which is no number"),
        ("truth", "it returned True, which is no number"),
        ("nothing", "it returned None, which is no number"),
    ],
)
def test_one_that_is_wrong_is_told_in_one_sentence_and_costs_nothing_else(bring: Bring, entry: str, says: str) -> None:
    before = kpi.evaluate(recording())
    assert before.problems == ()
    bring(entry, "lowest_voltage")
    after = kpi.evaluate(recording())
    assert any(says in problem for problem in after.problems), after.problems
    assert all("\n" not in problem for problem in after.problems)
    assert len(set(after.problems)) == len(after.problems)
    assert {figure.name for figure in after.figures} == {figure.name for figure in before.figures} | {"lowest voltage"}
    assert set(before.figures) <= set(after.figures)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("raising", "KPI 'raising' (tests.reports.extension:{}), step 'charge': ZeroDivisionError: division by zero"),
        ("wordy", "KPI 'wordy' (tests.reports.extension:{}), step 'charge': ValueError: first line second line"),
        ("choosy", "KPI 'choosy' (tests.reports.extension:{}): ZeroDivisionError: division by zero"),
    ],
)
def test_a_sentence_on_one_that_failed_names_it_once(bring: Bring, entry: str, says: str) -> None:
    bring(entry)
    function = getattr(extension, entry).function.__qualname__
    assert says.format(function) in kpi.evaluate(recording()).problems


def test_of_two_with_one_key_the_first_counts(bring: Bring) -> None:
    bring("lowest_voltage", "twin")
    assert kpi.temperature_rise(recording(), "discharge").value == 3.5
    assert sum(figure.key == "temperature rise" for figure in kpi.compute_all(recording())) == 2, "one for each step"


def test_the_same_one_brought_twice_is_one(bring: Bring) -> None:
    bring("lowest_voltage", "lowest_voltage")
    assert registry.found().problems == ()


@pytest.mark.parametrize("entry", ["unknown", "boundless"])
def test_a_value_that_is_no_finite_number_is_an_answer_that_the_recording_has_not(bring: Bring, entry: str) -> None:
    bring(entry)
    found = kpi.evaluate(recording())
    assert (entry, "charge") in {(figure.name, figure.step) for figure in found.unanswered}
    assert entry not in {figure.name for figure in found.figures}
    assert found.problems == ()


def test_any_kind_of_real_number_will_do(bring: Bring) -> None:
    bring("single")
    value = extension.single(recording(), "charge").value
    assert value == 3.25
    assert type(value) is float


def test_in_a_test_a_failing_kpi_is_a_mistake_and_not_the_packs(bring: Bring) -> None:
    bring("raising")
    with pytest.raises(TestError, match=r"KPI 'raising' .*, step 'charge': ZeroDivisionError"):
        extension.raising(recording(), "charge")
    with pytest.raises(RecordingError, match="has no step 'chrage'"):
        kpi.capacity(recording(), "chrage")
    with pytest.raises(RecordingError, match="has no column"):
        kpi.cell_spread(without("Cell Voltage Min / V"), "charge")


def test_what_failed_stands_in_the_manifest_and_in_the_report_until_it_is_mended(bring: Bring, cycle_run: Path) -> None:
    bring("raising", "lowest_voltage")
    manifest = Recording.load(cycle_run).manifest
    try:
        allure.record_kpis(cycle_run, Recording.load(cycle_run))
        kept = json.loads((cycle_run / "run.json").read_text(encoding="utf-8"))
        assert any("ZeroDivisionError" in problem for problem in kept["kpi_problems"])
        assert "lowest voltage" in {figure["name"] for figure in kept["kpis"]}
        assert "<b>Not computed: KPI &#x27;raising&#x27;" in allure.describe("", kept, None)
        bring("lowest_voltage")
        allure.record_kpis(cycle_run, Recording.load(cycle_run))
        assert "kpi_problems" not in json.loads((cycle_run / "run.json").read_text(encoding="utf-8"))
    finally:
        allure.write_manifest(cycle_run, dict(manifest))


# --- which meters -----------------------------------------------------------------------------------------------------


INSTRUMENTS: list[dict[str, Any]] = [
    {"name": "supply", "roles": ["source", "sink"]}, {"name": "bms", "roles": ["bms"]},
    {"name": "scanner", "roles": ["temperatures"]}, {"name": "load", "roles": []}, {"name": "load bank", "roles": []},
]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "meters"),
    [
        (["Voltage / V"], ("source",)),
        (["Voltage / V", "Current / A"], ("source", "sink")),
        (["Cell Voltage Min / V", "Cell Temperature Max / degC"], ("bms", "temperatures")),
        (["SOC / 1", "Charge Current Limit / A"], ("bms",)),
        (["Test Time / s", "Set Voltage / V", "Command Power / W"], ()),
        (["Load Bank Voltage / V"], ("load bank",)),
        (["Load Voltage / V", "Elsewhere Voltage / V"], ("load",)),
    ],
)
def test_a_kpi_tells_who_measured_what_it_came_from(columns: list[str], meters: tuple[str, ...]) -> None:
    assert meters_of({"instruments": INSTRUMENTS}, columns) == meters


def test_a_figure_is_stored_with_all_that_is_told_of_it_and_with_whose_it_is_where_it_is_not_the_packs() -> None:
    stored = kpi.capacity(recording(), "discharge").as_dict()
    assert stored == {
        "name": "discharge capacity", "symbol": "C_dis", "value": pytest.approx(1.9), "unit": "Ah", "step": "discharge",
        "definition": kpi.capacity(recording(), "discharge").definition, "key": "discharge capacity",
        "sense": "at_least", "meters": ["source", "sink"], "temperature": None,
    }  # fmt: skip
    run = recorded("Supply", {"Supply State / 1": [1.0, -1.0, 1.0]}, LOSSLESS)
    assert kpi.trips(run, "it").as_dict()["subject"] == "charger"


def test_the_longest_name_that_fits_a_column_is_meant_however_it_is_written() -> None:
    for names in (["load", "LOAD bank"], ["LOAD bank", "load"], ["Load", "load bank"]):
        instruments = [{"name": name, "roles": ["sink"]} for name in names]
        assert meters_of({"instruments": instruments}, ["Load Bank Voltage / V"]) == (max(names, key=len),)


def test_cells_of_an_emulator_are_measured_by_it() -> None:
    emulator = {"name": "cells", "roles": ["emulator"]}
    assert meters_of({"instruments": [*INSTRUMENTS, emulator]}, ["Cell Voltage Max / V"]) == ("emulator",)
    assert meters_of({}, ["Cell Voltage Max / V"]) == (), "nobody is known to have measured it"


def test_a_column_of_the_bench_is_nobodys_channel_whatever_an_instrument_is_called() -> None:
    assert meters_of({"instruments": [{"name": "set", "roles": ["source"]}]}, ["Set Current / A"]) == ()
    assert meters_of({"instruments": [{"name": "bms", "roles": ["bms"]}]}, ["Bms Insulation / Ohm"]) == ("bms",)


def test_meters_are_kept_with_every_kpi_of_a_run() -> None:
    told = {figure.name: figure.as_dict() for figure in kpi.compute_all(recording())}
    assert told["discharge energy"]["meters"] == ["source", "sink"]
    assert told["temperature rise"]["meters"] == ["temperatures"]
    assert told["charge time 10 to 80 %"]["meters"] == ["bms"]
    assert json.loads(json.dumps(told["mean power"]))["key"] == "mean power"


@pytest.mark.parametrize("name", ["ended-9e90314", "died-9e90314"])
def test_recordings_of_before_are_judged_by_every_kpi(name: str) -> None:
    found = kpi.evaluate(Recording.load(OLD / name))
    assert found.problems == ()
    told = {(figure.step, figure.key): figure for figure in found.figures}
    assert told["charge", "charge capacity"].value == pytest.approx(0.005397, abs=1e-6)
    assert told["charge", "charge capacity"].meters == ("source", "sink")
    assert told["charge", "cell spread at end"].meters == ("emulator",)


def test_the_temperature_of_a_figure_is_what_the_chamber_was_set_to_at_the_end_of_its_step(cycle_run: Path) -> None:
    assert kpi.capacity(Recording.load(cycle_run), "discharge").temperature == 25.0
    run = recording()
    assert kpi.capacity(run, "discharge").temperature is None
    asked = np.array([[np.nan, np.nan, 25.0, 25.0, 10.0, 10.0, 10.0, 10.0, np.nan]])
    cooled = Recording(
        run.manifest, run.events, [*run.columns, "Set Temperature / degC"], np.hstack([run.rows, asked.T])
    )
    told = [kpi.cell_spread(cooled, step).temperature for step in ("soak", "discharge", "charge")]
    assert told == [None, 10.0, None]


# --- ours -------------------------------------------------------------------------------------------------------------


def test_every_kpi_of_ours_says_all_that_a_pack_file_and_a_report_need() -> None:
    for each in registry.found().kpis:
        assert each.definition.endswith("."), each
        assert each.unit in {"Ah", "Wh", "W", "%", "Ω", "s", "K", "V", "mV", "kWh/100km", "°C", "Hz", "EUR/kWh", "1"}, (
            each
        )
        assert each.columns, each
        assert each.__doc__ == f"{each.definition} Unit: {each.unit}."
        low, high = each.span
        assert low < high
        for key in each.examples():
            assert registry.found().named(key) is each


def test_no_step_is_asked_for_its_duration_unless_a_test_does() -> None:
    assert "duration" not in {figure.key for figure in kpi.compute_all(recording())}
    found = kpi.duration(recording(), "charge")
    assert (found.name, found.key, found.value) == ("charge time", "duration", 4610.0)


def test_a_charge_of_any_kind_closes_a_cycle() -> None:
    """By its direction, as it is recorded: a kind that nobody has heard of does as well."""
    run = recording()
    events = [{**event, "kind": "Trickle", "direction": "charge"} if event.get("name") == "charge" else event
              for event in run.events]  # fmt: skip
    assert ("discharge", "coulombic efficiency") in names(Recording(run.manifest, events, run.columns, run.rows))


def test_a_pulse_has_a_resistance_and_no_amounts_and_closes_no_cycle() -> None:
    told = names(sampled_quickly(("pulse", "Pulse")))
    assert {name for step, name in told if step == "pulse"} == {
        "dc resistance 10 s", "temperature rise", "cell spread at end", "largest cell spread"
    }  # fmt: skip


def test_two_charges_close_none_whatever_their_kinds() -> None:
    run = recording()
    events = [{**event, "kind": "FastRecharge"} if event.get("name") == "discharge" else event for event in run.events]
    told = kpi.evaluate(Recording(run.manifest, events, run.columns, run.rows))
    asked = {figure.key for figure in (*told.figures, *told.unanswered)}
    assert not {"coulombic efficiency", "energy round-trip efficiency"} & asked


def test_a_profile_of_both_directions_closes_none() -> None:
    run = recording()
    events = [{**event, "direction": "both"} if event.get("name") == "charge" else event for event in run.events]
    told = names(Recording(run.manifest, events, run.columns, run.rows))
    assert ("discharge", "coulombic efficiency") not in told
    assert ("charge", "charge capacity") not in told
    assert ("charge", "temperature rise") in told


# --- templates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "words", "says"),
    [
        ("R_{at:g}s", {"at": 10.0}, "R_10s"),
        ("{start:percent} to {stop:percent} %", {"start": 0.1, "stop": 0.8}, "10 to 80 %"),
        ("{way:charge|discharge} capacity", {"way": "charge"}, "charge capacity"),
        ("U in {V} and {nobody:g}", {"nothing": 1}, "U in {V} and {nobody:g}"),
    ],
)
def test_a_template_is_filled_with_the_words_that_there_are(template: str, words: dict[str, Any], says: str) -> None:
    assert wording.fill(template, words) == says


@given(at=st.floats(-1e5, 1e5).map(lambda value: round(value, 2)), way=st.sampled_from(["charge", "discharge"]))
def test_what_a_template_came_out_as_is_recognised(at: float, way: str) -> None:
    template = "{way:charge|discharge} (after {at:g} s)"
    assert wording.pattern_of(template).fullmatch(wording.fill(template, {"way": way, "at": at}))


@pytest.mark.parametrize("key", ["dc resistance", "dc resistance ten s", "dc resistance 10 s.", "rest capacity", ""])
def test_what_no_template_comes_out_as_is_not(key: str) -> None:
    assert registry.found().named(key) is None


def test_the_figures_of_a_step_without_an_answer_stay_nan() -> None:
    assert isnan(kpi.dc_resistance(recording(), "soak").value)


@pytest.mark.parametrize("each", [each for each in registry.found().kpis if each.steps == 1], ids=lambda each: each.key)
def test_asked_of_a_step_that_it_is_no_figure_of_a_kpi_says_of_which_steps_it_is_one(
    each: kpi.KpiFunction[...],
) -> None:
    """All that it reads is there; what a step of that kind does not have is no key of ours to be told."""
    run = recording()
    columns = [*run.columns, *(name for name in each.columns if name not in run.columns)]
    rows = np.zeros((len(run.rows), len(columns)))
    rows[:, : len(run.columns)] = run.rows
    said = _refusal(lambda: each(Recording(run.manifest, run.events, columns, rows), "soak"))
    told = f"KPI {each.key!r} is no figure of step 'soak', which is a Soak; "
    assert said in {
        "",
        *(
            f"{told}{there}"
            for there in (
                "no step of this run has one.", "of this run it can be asked of 'charge'.",
                "of this run it can be asked of 'discharge'.", "of this run it can be asked of 'discharge', 'charge'.",
            )
        ),
    }  # fmt: skip


def _refusal(ask: Callable[[], object]) -> str:
    """What a KPI says that is none of a step; empty where there is a figure, or where the recording lacks a column."""
    try:
        ask()
    except TestError as error:
        return str(error)
    except RecordingError:
        return ""
    return ""
