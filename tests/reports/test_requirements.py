"""What a pack requires of a figure: which limit counts, what is refused, and somebody else's KPI from end to end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from bench.pack import PackFile, load_pack
from bench.recording.rejudge import rejudge
from bench.verdicts import InputError, Measurement, Verdict
from reports import requirements
from reports.kpi import Kpi, registry
from reports.requirements import Bounds, limits_of
from reports.tables import rows_of
from tests.bench.cli_support import ROOT, Answer, packbench, packbench_here
from tests.bench.conftest import PACK

DATASHEET = """\
schema: 2
name: mine
chemistry: LFP
cell: lfp-26650
series: 24
rated_capacity: 2
limits:
  cell_voltage: {min: 2.5, max: 3.6}
  charge_temperature: {min: -15, max: 55}
  discharge_temperature: {min: -20, max: 55}
  charge_current: 4.5
  discharge_current: 5
"""
REQUIRED = """\
requirements:
  dc resistance 10 s: {-10: 3.6, 25: 0.8, 45: 0.6}
  discharge capacity:
    C/3: {-10: 1.8, 25: 1.96}
    1C: 1.7
  temperature rise: 15
"""
WritePack = Callable[..., Path]


@pytest.fixture
def write_pack(tmp_path: Path) -> WritePack:
    """A pack file, its requirements with something in the place of something else."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in REQUIRED
        path = tmp_path / "mine.yaml"
        path.write_text(DATASHEET + REQUIRED.replace(old, new, 1), encoding="utf-8")
        return path

    return write


@pytest.fixture
def pack(write_pack: WritePack) -> PackFile:
    """The pack as it is written above."""
    return load_pack(str(write_pack()))[0]


CAPACITY = Kpi("discharge capacity", "C", 1.9, "Ah", "discharge", "…", "discharge capacity", "at_least")
RESISTANCE = Kpi("dc resistance 10 s", "R", 0.7, "Ω", "pulse", "…", "dc resistance 10 s", "at_most", temperature=45.0)
RISE = Kpi("temperature rise", "ΔT", 3.0, "K", "charge", "…", "temperature rise", "at_most")


def sides(bounds: Bounds) -> tuple[float | None, float | None]:
    return bounds.at_least, bounds.at_most


# --- which limit counts -----------------------------------------------------------------------------------------------


def test_the_sense_of_a_limit_is_the_kpis(pack: PackFile) -> None:
    assert sides(limits_of(CAPACITY, pack, at="1C")) == (1.7, None)
    assert sides(limits_of(RISE, pack)) == (None, 15.0)
    assert sides(limits_of(replace(RISE, sense="within"), pack)) == (-15.0, 15.0)


def test_a_limit_is_of_the_condition_and_the_temperature_of_the_test(pack: PackFile) -> None:
    assert sides(limits_of(CAPACITY, pack, at="C/3", temperature=-10)) == (1.8, None)
    assert sides(limits_of(CAPACITY, pack, at="C/3", temperature=7.5)) == (pytest.approx(1.88), None)
    assert sides(limits_of(RESISTANCE, pack, temperature=25)) == (None, 0.8)


def test_without_a_temperature_of_the_test_that_of_the_chamber_in_the_step_counts(pack: PackFile) -> None:
    assert sides(limits_of(RESISTANCE, pack)) == (None, 0.6)
    with pytest.raises(InputError, match=r"by temperature, and the chamber had no set point in 'pulse': say require\("):
        limits_of(replace(RESISTANCE, temperature=None), pack)


def test_beyond_a_packs_table_a_figure_neither_passes_nor_fails(write_pack: WritePack, pack: PackFile) -> None:
    """The limit of -10 °C blamed a pack for the cold of -20 °C, that of 45 °C waved it through at 60 °C."""
    beyond = limits_of(CAPACITY, pack, at="C/3", temperature=-20)
    assert sides(beyond) == (None, None)
    assert beyond.unstated == "it is required at -10 to 25 °C, and nobody says what at -20 °C"
    judged = Measurement("discharge capacity", 1.9, "Ah", unstated=beyond.unstated)
    assert (judged.verdict, judged.judged) == (Verdict.INCONCLUSIVE, True)
    assert str(judged) == f"discharge capacity: 1.9 Ah ({beyond.unstated})"
    (row,) = rows_of({"measurements": [judged.as_dict()]})
    assert (row.allowed, row.verdict) == (beyond.unstated, "INCONCLUSIVE")
    newer = load_pack(str(write_pack("{-10: 1.8, 25: 1.96}", "{-20: 1.5, 25: 1.96}")))[0]
    asked_again = requirements.judged_by(newer, [{**judged.as_dict(), "required": beyond.required}])
    [again] = rejudge(asked_again, {("discharge capacity", None): 1.9})
    assert (again.recorded_verdict, again.measurement.verdict) == (Verdict.INCONCLUSIVE, Verdict.PASS)


def test_a_limit_without_a_condition_holds_under_any(pack: PackFile) -> None:
    assert sides(limits_of(RISE, pack, at="C/3")) == (None, 15.0)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("", "under conditions, and none was asked for: say require(…, at=…); allowed: 1C, C/3."),
        (
            "C/2",
            "under conditions, and at='C/2' is none of them: say require(…, at=…); did you mean 'C/3'? (allowed: 1C, "
            "C/3).",
        ),
    ],
)
def test_of_several_conditions_none_is_guessed(pack: PackFile, at: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        limits_of(CAPACITY, pack, at=at, temperature=25)
    assert str(refused.value) == f"Pack mine requires 'discharge capacity' {says}"


def test_what_is_not_required_and_what_is_only_to_be_recorded_has_no_limit(pack: PackFile) -> None:
    assert sides(limits_of(replace(CAPACITY, key="charge capacity"), pack, at="C/3")) == (None, None)
    assert limits_of(CAPACITY, pack, at=None) == Bounds()
    assert limits_of(replace(CAPACITY, key=""), pack) == Bounds()


def test_a_limit_of_the_tests_own_counts_before_the_packs(pack: PackFile) -> None:
    assert limits_of(RISE, pack, at_most=3) == Bounds(at_most=3)
    assert limits_of(RISE, pack, at_least=0, at_most=3) == Bounds(0, 3)
    with pytest.raises(
        InputError, match=r"has a limit of its own and is to be judged by the pack's at 'C/3': leave one"
    ):
        limits_of(CAPACITY, pack, at_least=1.0, at="C/3")


@pytest.mark.parametrize(
    ("item", "temperature"),
    [
        (SimpleNamespace(), None),
        (SimpleNamespace(callspec=SimpleNamespace(params={"rate": 3})), None),
        (SimpleNamespace(callspec=SimpleNamespace(params={"temperature": "warm"})), None),
        (SimpleNamespace(callspec=SimpleNamespace(params={"temperature": -10})), -10.0),
    ],
)
def test_the_temperature_of_a_test_is_what_it_is_parametrized_with(item: Any, temperature: float | None) -> None:
    assert requirements.temperature_of(item) == temperature


# --- judged again -----------------------------------------------------------------------------------------------------


def measured(bounds: Bounds, name: str = "discharge capacity") -> dict[str, Any]:
    return {"name": name, "step": "discharge", "value": 1.9, "at_least": bounds.at_least, "at_most": bounds.at_most,
            "required": bounds.required}  # fmt: skip


def test_a_newer_pack_is_asked_as_the_test_had_asked(write_pack: WritePack, pack: PackFile) -> None:
    asked = limits_of(CAPACITY, pack, at="C/3", temperature=25)
    recorded = json.loads(json.dumps([measured(asked), measured(Bounds(at_least=1.0)), {"name": "by hand"}]))
    newer = load_pack(str(write_pack("25: 1.96", "25: 1.5")))[0]
    first, own, by_hand = requirements.judged_by(newer, recorded)
    assert (first["at_least"], first["at_most"]) == (1.5, None)
    assert own["at_least"] == 1.0
    assert by_hand == {"name": "by hand"}


def test_how_a_pack_was_asked_is_told_again_by_who_judges_again(pack: PackFile) -> None:
    asked = limits_of(CAPACITY, pack, at="C/3", temperature=25)
    [again] = rejudge(
        [{**measured(asked), "unit": "Ah", "verdict": "PASS"}], {("discharge capacity", "discharge"): 1.0}
    )
    assert again.as_dict()["required"] == {"key": "discharge capacity", "at": "C/3", "temperature": 25}
    assert again.as_dict()["verdict"] == "FAIL"


def test_what_a_newer_pack_requires_no_more_has_no_limit_and_what_it_requires_now_has_one(
    write_pack: WritePack, pack: PackFile
) -> None:
    rise, energy = limits_of(RISE, pack), limits_of(replace(CAPACITY, key="discharge energy"), pack)
    newer = load_pack(str(write_pack("temperature rise: 15", "discharge energy: 150")))[0]
    free, bound = requirements.judged_by(newer, [measured(rise), measured(energy)])
    assert (free["at_least"], free["at_most"]) == (None, None)
    assert (bound["at_least"], bound["at_most"]) == (150.0, None)


# --- refused before anything is switched on ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("temperature rise", "temprature rise", 18, "temprature rise: unknown KPI; did you mean 'temperature rise'?"),
        ("temperature rise", "dc resistance 10 min", 18, "did you mean 'dc resistance 10 s'?"),
        ("temperature rise: 15", "temperature rise: -15", 18, "temperature rise: found -15, allowed: at least 0 K."),
        ("temperature rise: 15", "energy round-trip efficiency: {25: 0.95}", 18,
         "energy round-trip efficiency.25: found 0.95, allowed: 10 to 100 %."),
        ("temperature rise: 15", "cell spread at end: -1", 18, "cell spread at end: found -1, allowed: at least 0 V."),
        ("temperature rise: 15", "derating: 101", 18, "derating: found 101, allowed: 0 to 100 %."),
        ("1C: 1.7", "1C: {-10: -1.7}", 17, "discharge capacity.1C.-10: found -1.7, allowed: at least 0 Ah."),
    ],
)  # fmt: skip
def test_a_requirement_that_nobody_can_judge_is_named_where_it_is(
    write_pack: WritePack, old: str, new: str, line: int, says: str
) -> None:
    path = write_pack(old, new)
    with pytest.raises(InputError) as refused:
        requirements.check(*load_pack(str(path)))
    text = str(refused.value)
    assert text.startswith(f"{path}, line {line}, key requirements.")
    assert says in text
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("required", "says"),
    [
        ("constant-voltage share: 100.5", "found 100.5, allowed: 0 to 100 %."),
        ("derating: 100.5", "found 100.5, allowed: 0 to 100 %."),
        ("charge cut: 100.5", "found 100.5, allowed: 0 to 100 %."),
        ("coulombic efficiency: 111", "found 111, allowed: 10 to 110 %."),
    ],
)
def test_a_share_that_cannot_be_is_refused_where_somebody_types_it(
    write_pack: WritePack, required: str, says: str
) -> None:
    told = packbench("check", "virtual-module", "--pack", write_pack("temperature rise: 15", required))
    assert (told.status, told.out) == (2, "")
    assert says in told.err


@pytest.mark.parametrize(
    "required",
    [
        "energy off the command: 0.5", "power off the command: 0.5", "derating: 0", "derating: 100", "charge cut: 0.5",
        "coulombic efficiency: 10",
    ],
)  # fmt: skip
def test_what_can_be_is_nobody_s_mistake(write_pack: WritePack, required: str) -> None:
    requirements.check(*load_pack(str(write_pack("temperature rise: 15", required))))


def test_every_number_of_a_kpi_can_be_required_not_only_the_usual_one(write_pack: WritePack) -> None:
    requirements.check(*load_pack(str(write_pack("temperature rise: 15", "dc resistance 2.5 s: 1"))))
    requirements.check(*load_pack(str(write_pack("temperature rise: 15", "charge time 5 to 95 %: 3600"))))


def test_what_a_file_of_yesterday_was_allowed_to_require_it_still_is(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(PACK.replace("energy_efficiency: {25: 0.9}", "energy_efficiency: {25: 0.05}"), encoding="utf-8")
    requirements.check(*load_pack(str(path)))


def test_check_refuses_it_and_the_safe_state_does_not_ask(write_pack: WritePack) -> None:
    path = write_pack("temperature rise", "temprature rise")
    told = packbench_here("check", "virtual-module", "--pack", path)
    assert (told.status, told.out) == (2, "")
    assert "unknown KPI; did you mean 'temperature rise'?" in told.err
    assert packbench_here("safe", "virtual-module", "--pack", path).status == 0


def test_a_session_refuses_it_before_its_first_test(write_pack: WritePack, tmp_path: Path) -> None:
    done = session(tmp_path, "def test_it(bench): ...", "--pack", write_pack("temperature rise", "temprature rise"))
    assert done.status == 2
    assert "unknown KPI; did you mean 'temperature rise'?" in done.out
    assert not list(tmp_path.glob("runs/[0-9]*/*"))


def test_a_session_refuses_a_broken_package_of_kpis(
    write_pack: WritePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = registry.Registry((), ("The KPI 'a' cannot be imported.", "The KPI 'b' is no KPI."))
    monkeypatch.setattr(requirements, "found", lambda: broken)
    with pytest.raises(InputError, match=r"The KPI 'a' cannot be imported. \(1 more after this one.\)"):
        requirements.check(*load_pack(str(write_pack())))


# --- one function and one line ----------------------------------------------------------------------------------------

FUNCTION = '''
    from packbench import Recording, kpi

    @kpi.of_step("volts per hour", symbol="dU/dt", unit="V/h", sense="at_most", columns=("Voltage / V",), span=(0, 1e5))
    def volts_per_hour(run: Recording, step: kpi.Step) -> float:
        """Rise of the voltage from the first to the last sample of the step, over its time."""
        volts = run.values("Voltage / V", step)
        return 3600 * float(volts[-1] - volts[0]) / step.duration
    '''
LINE = "volts per hour: {25: 9000}"
CASE = """
    from packbench import Charge, Recording, elapsed, kpi, limits_of

    def test_it(bench, verify, pack):
        run = Recording(*bench.run(Charge("C/3", until=elapsed(seconds=60))))
        found = kpi.volts_per_hour(run, "charge")
        limits = limits_of(found, pack, temperature=25.0)
        verify(found.name, found.value, unit=found.unit, at_least=limits.at_least, at_most=limits.at_most,
               step=found.step, required=limits.required)
    """


def session(folder: Path, case: str, *options: object) -> Answer:
    """A session of pytest in a repository of somebody else's, who has installed what lies in `site`."""
    (folder / "conftest.py").write_text('pytest_plugins = ["bench.plugin", "reports.plugin"]\n', encoding="utf-8")
    (folder / "test_mine.py").write_text(dedent(case), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", *map(str, options)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment = {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder / "site")]),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [*command, "--alluredir=allure", "test_mine.py"], cwd=folder, env=environment, capture_output=True,
        encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout + done.stderr, done.stderr)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A distribution that brings one KPI, where `pip install` would have put it."""
    site = tmp_path / "site"
    info = site / "volts-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "volts.py").write_text(dedent(FUNCTION), encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: volts\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[packbench.kpis]\nvolts = volts:volts_per_hour\n", encoding="utf-8")
    return site


def test_a_new_kpi_with_its_requirement_is_one_function_and_one_line(
    write_pack: WritePack, tmp_path: Path, installed: Path
) -> None:
    done = session(tmp_path, CASE, "--pack", write_pack("temperature rise: 15", LINE))
    assert done.status == 0, done.out
    [path] = tmp_path.glob("runs/*/*/run.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    [judged] = manifest["measurements"]
    assert (judged["name"], judged["at_least"], judged["at_most"]) == ("volts per hour", None, 9000)
    assert judged["required"] == {"key": "volts per hour", "at": "", "temperature": 25.0}
    [figure] = [each for each in manifest["kpis"] if each["key"] == "volts per hour"]
    assert figure["value"] == pytest.approx(judged["value"])
    assert figure["meters"] == ["source"]
    assert figure["definition"].startswith("Rise of the voltage")
    stricter = write_pack("temperature rise: 15", "volts per hour: 1")
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)])}
    again = subprocess.run(
        [sys.executable, "-c", "from packbench.cli import main; main()", "judge", path.parent, "--pack", stricter],
        capture_output=True, encoding="utf-8", env={**os.environ, **environment}, check=False,
    )  # fmt: skip
    assert again.returncode == 1, again.stdout + again.stderr
    assert "Verdict: FAIL (recorded: PASS)" in again.stdout
    assert packbench("judge", path.parent).status == 0, (
        "by its own limits it passes, also where the KPI is not installed"
    )


def test_the_line_without_the_function_is_refused(write_pack: WritePack, tmp_path: Path) -> None:
    done = session(tmp_path, CASE, "--pack", write_pack("temperature rise: 15", LINE))
    assert done.status == 2
    assert "key requirements.volts per hour: unknown KPI" in done.out


# ---- where limits come from ------------------------------------------------------------------------------------------


SOURCED = """\
sources:
  requirements.discharge capacity: GB/T 31486-2015, 5.1.5
  requirements.discharge capacity.1C: GB/T 31486-2015, 5.1.6
  limits.cell_voltage: data sheet
"""


@pytest.fixture
def sourced(tmp_path: Path) -> Path:
    """A shipped pack whose limits have sources of ours."""
    shipped = (ROOT / "bench" / "packs" / "lfp-24s.yaml").read_text(encoding="utf-8")
    file = tmp_path / "sourced.yaml"
    file.write_text(shipped.partition("\nsources:")[0] + "\n" + SOURCED, encoding="utf-8")
    return file


@pytest.mark.parametrize(("at", "source"), [("C/3", "GB/T 31486-2015, 5.1.5"), ("1C", "GB/T 31486-2015, 5.1.6")])
def test_a_limit_has_the_source_of_its_condition_or_of_its_figure(sourced: Path, at: str, source: str) -> None:
    pack, _ = load_pack(str(sourced))
    figure = Kpi("discharge capacity", "C", 2.0, "Ah", "discharge", "", "discharge capacity", "at_least")
    assert requirements.limits_of(figure, pack, at=at, temperature=25.0).source == source
    assert requirements.limits_of(figure, pack, at_least=1.0).source == ""


@pytest.mark.parametrize(
    ("place", "nearest"),
    [
        ("requirements.discharge capacty", "did you mean 'requirements.discharge capacity'?"),
        ("requirements.discharge capacity.2C", "did you mean 'requirements.discharge capacity.1C'?"),
        ("limits.cell_voltages", "did you mean 'limits.cell_voltage'?"),
        ("limits.power", "is no limit of this file"),  # which it does not give
    ],
)
def test_a_source_of_nothing_is_refused_with_its_line(sourced: Path, place: str, nearest: str) -> None:
    text = sourced.read_text(encoding="utf-8").replace("limits.cell_voltage:", f"{place}:")
    sourced.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_pack(str(sourced))
    line = text[: text.index(place + ":")].count("\n") + 1
    assert f"line {line}, key sources.{place}: found {place!r}" in str(refused.value)
    assert nearest in str(refused.value)


def test_a_newer_pack_brings_its_own_source(sourced: Path) -> None:
    pack, _ = load_pack(str(sourced))
    asked = {"key": "discharge capacity", "at": "C/3", "temperature": 25.0}
    (judged,) = requirements.judged_by(pack, [{"name": "discharge capacity", "required": asked, "step": "x"}])
    assert judged["source"] == "GB/T 31486-2015, 5.1.5"
