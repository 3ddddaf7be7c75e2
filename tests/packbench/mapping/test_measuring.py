"""One field on its bench: what comes of it, who is to blame, and what is left on the disk."""

import json
from collections.abc import Callable
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import files
from bench.pack import SHIPPED as PACKS
from bench.verdicts import InputError
from packbench.mapping import measuring, outcome
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest
from packbench.mapping.measuring import FIGURE, measure
from packbench.mapping.outcome import CANNOT, FieldResult
from reports import kpi
from reports.kpi.several import MOST_OFF
from reports.recording import Recording
from tests.bench.cli_support import packbench_here
from tests.packbench.mapping.conftest import Measured
from tests.packbench.mapping.outcomes import SEASON, TASK, hop

LITTLE = Task("virtual-module", version="0.1.0")
Change = Callable[[dict[str, Any]], None]


def manifest(runs: Path, found: FieldResult) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((runs / found.run / "run.json").read_text(encoding="utf-8"))
    return read


def pack_file(folder: Path, name: str, change: Change) -> str:
    """A shipped pack with something changed."""
    content = yaml.safe_load(files.find(name, PACKS, "pack").read_text(encoding="utf-8"))
    change(content)
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return str(path)


# --- one that can be driven -------------------------------------------------------------------------------------------


def test_a_field_has_a_time_a_margin_and_what_they_cost(measured: Measured) -> None:
    found = measured.outcome
    assert found.verdict == "PASS", found.reason
    assert found.comparable
    assert found.time.known
    assert 0 < found.time.uncertainty < 0.2 * found.time.value
    for name in (outcome.MARGIN, outcome.ENERGY, outcome.CONSUMPTION, outcome.ARRIVES, outcome.CONDITIONING):
        assert found.figure(name).known, name
    assert found.scale == pytest.approx(0.97, abs=0.02)
    assert found.rests_on == outcome.ASSUMED
    assert found.assumed


@pytest.mark.long
def test_a_small_pack_that_a_chamber_cannot_warm_as_a_cars_would_be_has_no_time(tmp_path: Path) -> None:
    """What conditions the module is air: it leaves the cells as a cold car does, and not as one that heats its pack."""
    cold, warmed = (
        measure(Field("lfp-24s", "short-hop", "oslo-winter@7", "follow-limit", warm), LITTLE, tmp_path)
        for warm in (False, True)
    )
    off = warmed.figure(outcome.OFF)
    assert off.value + off.uncertainty < 0
    assert abs(cold.figure(outcome.OFF).value) < MOST_OFF < abs(off.value)
    assert (cold.comparable, warmed.comparable) == (True, False)
    assert cold.time.known
    assert not warmed.time.known
    # It was charged, and its own record says for how long; it is only nothing to be set beside a car's.
    assert warmed.verdict == "PASS"
    assert warmed.figure(outcome.TIME).known


def test_its_time_is_that_of_the_recording_which_anybody_can_read_again(measured: Measured) -> None:
    recording = Recording.load(measured.folder)
    soc = recording.values("SOC / 1", recording.step("fast recharge"))
    time = recording.values("Test Time / s", recording.step("fast recharge"))
    between = time[soc >= 0.8][0] - time[soc >= 0.1][0]
    assert measured.outcome.time.value == pytest.approx(between, abs=2.0)
    again = kpi.charge_time(recording, "fast recharge", 0.10, 0.80)
    assert again.value == pytest.approx(measured.outcome.time.value)


def test_the_recording_is_judged_again_to_the_same_verdict(measured: Measured) -> None:
    answer = packbench_here("judge", measured.folder, "--json")
    assert answer.status == 0, answer.out + answer.err
    assert manifest(measured.runs, measured.outcome)["bench_verdict"]["safe"]
    assert (measured.folder / FIGURE).stat().st_size > 1000
    assert not (measured.folder / "transcript.log").exists()


def test_the_pack_left_as_the_night_had_it_and_the_run_says_so(measured: Measured) -> None:
    recording = Recording.load(measured.folder)
    names = [each.name for each in recording.steps]
    assert names == [
        "down to departure", "up to departure", "night outside", "drive", "to the charger", "fast recharge",
    ]  # fmt: skip
    night = recording.step("night outside").set_points["temperature"]
    assert float(recording.values("Cell Temperature Max / degC", recording.step("drive"))[0]) == pytest.approx(
        night, abs=1.5
    )
    assert "conditioned by" in recording.step("fast recharge").words


def test_its_curve_is_of_the_cars_pack(measured: Measured) -> None:
    curve, power = measured.outcome.curve, measured.outcome.figure(outcome.POWER).value
    assert [soc for soc, _ in curve] == sorted(soc for soc, _ in curve)
    assert curve[-1][0] == pytest.approx(80, abs=0.5)
    middle = [kw for soc, kw in curve if 30 < soc < 60]
    assert sum(middle) / len(middle) == pytest.approx(power / 1000 / measured.outcome.scale, rel=0.3)


def test_it_was_kept_by_what_it_depends_on(measured: Measured) -> None:
    assert measured.outcome.inputs == digest(measured.outcome.field, TASK)


# --- what it depends on -----------------------------------------------------------------------------------------------


def test_another_of_anything_is_another_input(tmp_path: Path) -> None:
    road = hop(tmp_path)
    mine = pack_file(tmp_path, "lfp-24s", lambda _pack: None)
    field = Field(mine, road, SEASON)
    inputs = [digest(field, LITTLE)]
    assert digest(field, LITTLE) == inputs[0]
    inputs += [digest(field, each) for each in (
        Task("virtual-pack", version="0.1.0"), Task("virtual-module", version="0.2.0"),
        Task("virtual-module", target=20.0, version="0.1.0"), Task("virtual-module", seed=1, version="0.1.0"),
    )]  # fmt: skip
    pack_file(tmp_path, "lfp-24s", lambda pack: pack["limits"].update(charge_current=3.0))
    inputs.append(digest(field, LITTLE))
    Path(road).write_text(Path(road).read_text(encoding="utf-8").replace("1200", "1300"), encoding="utf-8")
    inputs.append(digest(field, LITTLE))
    assert len(set(inputs)) == len(inputs)


def test_what_does_not_exist_is_no_outcome(tmp_path: Path) -> None:
    for field, task in (
        (Field("lfp-24", "urban", SEASON), LITTLE),
        (Field("lfp-24s", "urban", SEASON), Task("nowhere")),
    ):
        with pytest.raises(InputError):
            measure(field, task, tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- one that cannot, fails, or has a bench that does -----------------------------------------------------------------


def test_a_road_that_is_too_much_for_a_pack_is_refused_with_the_place_on_it(tmp_path: Path) -> None:
    mine = pack_file(tmp_path, "lfp-24s", lambda pack: pack["limits"].update(discharge_current=0.5))
    found = measure(Field(mine, hop(tmp_path), SEASON), LITTLE, tmp_path / "runs")
    assert found.verdict == CANNOT
    assert "at km 0." in found.reason
    assert "of 1.2 on the road hop" in found.reason
    assert "discharge_current allows 0.5 A" in found.reason
    assert not found.time.known
    record = manifest(tmp_path / "runs", found)
    assert record["bench_verdict"]["safe"]


def test_a_road_that_is_longer_than_a_charge_is_refused_before_any_bench_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text("name: far\ndescription: far\nsources: [a test]\nlegs:\n  - {length: 300000, limit: 130}\n",
                    encoding="utf-8")  # fmt: skip
    found = measure(Field("lfp-24s", str(path), SEASON), LITTLE, tmp_path / "runs")
    assert found.verdict == CANNOT
    assert "has not enough for" in found.reason
    assert "of a charge" in found.reason
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def with_defects(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The next bench has these."""

    def defective(*defects: str) -> None:
        monkeypatch.setattr(measuring, "Setup", partial(measuring.Setup, defects=defects))

    return defective


def test_a_pack_that_fails_is_to_blame_and_its_bench_is_left_safe(
    with_defects: Callable[..., None], tmp_path: Path
) -> None:
    with_defects("thermal-runaway:5:20@30")
    found = measure(Field("lfp-24s", hop(tmp_path), SEASON), LITTLE, tmp_path / "runs")
    record = manifest(tmp_path / "runs", found)
    assert found.verdict == "FAIL"
    assert found.reason
    assert "\n" not in found.reason
    assert not found.time.known
    assert record["verdict"] == "FAIL"
    assert record["cause"]["blame"] == "pack"
    assert record["bench_verdict"]["safe"]
    assert [each.name for each in Recording.load(tmp_path / "runs" / found.run).steps]
    assert packbench_here("judge", tmp_path / "runs" / found.run).status == 1


def test_a_bench_that_fails_is_to_blame_and_the_pack_is_not_judged(
    with_defects: Callable[..., None], tmp_path: Path
) -> None:
    with_defects("bms-silent:100")
    found = measure(Field("lfp-24s", hop(tmp_path), SEASON), LITTLE, tmp_path / "runs")
    record = manifest(tmp_path / "runs", found)
    assert found.verdict == "BENCH FAULT"
    assert found.reason
    assert isnan(found.time.value)
    assert record["cause"]["blame"] == "bench"
    assert (tmp_path / "runs" / found.run / "events.jsonl").exists()


def test_a_bench_that_cannot_even_be_opened_is_a_field_that_says_so(
    with_defects: Callable[..., None], tmp_path: Path
) -> None:
    with_defects("bms-silent:0")
    found = measure(Field("lfp-24s", hop(tmp_path), SEASON), LITTLE, tmp_path / "runs")
    assert found.verdict == "BENCH FAULT"
    assert found.reason
    assert manifest(tmp_path / "runs", found)["verdict"] == "BENCH FAULT"
