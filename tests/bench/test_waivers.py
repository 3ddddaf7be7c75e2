"""Waivers: a nightly is green for what somebody answers for, and for nothing else; and nothing waived looks passed."""

from collections.abc import Callable
from datetime import date
from math import nan
from pathlib import Path

import pytest

from bench.verdicts import MISSED, InputError, Measurement, Verdict
from bench.waivers import Waivers, load
from tests.bench.session_support import Project

WAIVERS = """\
schema: 1
waivers:
  - requirement: PB-CAP-01
    pack: {pack}
    kpi: capacity
    value: {{min: 1.5, max: {most}}}
    reason: The first batch is small.
    owner: A. Person
    expires: {expires}
"""

WEAK = """
@pytest.mark.requirement("PB-CAP-01")
def test_capacity(verify):
    verify("capacity", 1.7, unit="Ah", at_least=2.0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A repository of somebody's."""
    return Project(tmp_path)


def waive(project: Project, *, most: float = 1.8, expires: str = "2999-12-31", pack: str = "lfp-24s") -> None:
    (project.folder / "waivers.yaml").write_text(WAIVERS.format(most=most, expires=expires, pack=pack))


def test_a_waived_failure_stays_one_and_does_not_fail_the_session(project: Project) -> None:
    project.write(WEAK)
    waive(project)
    ended = project.run()
    assert ended.status == 0
    assert project.verdicts == {"test_capacity": "FAIL"}
    assert project.junit()["test_capacity"][0] == "failure"
    assert project.manifests[0]["verdict"] == "FAIL"
    assert "1 pack failed" in ended.output
    assert "Waived, and not counted by the exit status: 1 of these failures." in ended.lines
    report = project.report()
    assert report.status == 0
    assert "The pack failed 1 of 1 tests" in project.page
    assert '<span class="badge fail">pack failed</span>' in project.page
    assert '<span class="badge unsure">waived</span>' in project.page
    assert "until 2999-12-31, A. Person: The first batch is small." in project.page


def test_it_is_the_same_where_tests_are_distributed(project: Project) -> None:
    project.write(WEAK)
    waive(project)
    assert project.run("-n", "2").status == 0
    assert project.verdicts == {"test_capacity": "FAIL"}


def test_a_file_is_named_by_an_option(project: Project) -> None:
    project.write(WEAK)
    waive(project)
    (project.folder / "waivers.yaml").rename(project.folder / "known.yaml")
    assert project.run().status == 1
    assert project.run("--waivers=known.yaml").status == 0


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"most": 1.6}, "Not waived: capacity, the waiver of PB-CAP-01 for capacity (until 2999-12-31, A. Person: The "
                        "first batch is small.) covers 1.5 to 1.6 Ah, and 1.7 was found."),
        ({"expires": "2026-01-01"}, "WAIVER EXPIRED: waiver of PB-CAP-01 for capacity (until 2026-01-01, A. Person: "
                                    "The first batch is small.)"),
        ({"pack": "lfp-96s"}, "1 pack failed"),
    ],
)  # fmt: skip
def test_what_it_does_not_cover_fails_the_session_and_is_told(
    project: Project, change: dict[str, str], sentence: str
) -> None:
    project.write(WEAK)
    waive(project, **change)  # type: ignore[arg-type]
    ended = project.run()
    assert ended.status == 1
    assert sentence in ended.output
    assert "Waived, and not counted" not in ended.output


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("also", "status"),
    [
        ('    verify("temperature rise", 20.0, unit="K", at_most=15.0)', 1),
        ('    raise BenchFault("the door is open")', 3),
        ('    assert False, "and something else"', 1),
        ("    undefined()", 2),
    ],
)
def test_a_waiver_covers_no_other_failure_of_its_test(project: Project, also: str, status: int) -> None:
    project.write(f"from bench.verdicts import BenchFault\n{WEAK}{also}\n")
    waive(project)
    assert project.run().status == status


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("end", ["assert False", 'raise ValueError("cannot tidy up")'])
def test_a_fixture_that_fails_afterwards_is_no_measurement(project: Project, end: str) -> None:
    project.write(f"""
@pytest.fixture(autouse=True)
def tidy():
    yield
    {end}
{WEAK}""")
    waive(project)
    assert project.run().status != 0


def test_another_test_that_fails_is_news(project: Project) -> None:
    project.write(WEAK + "\ndef test_other(verify):\n    verify('capacity', 1.7, unit='Ah', at_least=2.0)\n")
    waive(project)
    ended = project.run()
    assert ended.status == 1
    assert "Waived, and not counted by the exit status: 1 of these failures." in ended.lines


# ---- by itself -------------------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 26)
MISSES = [{"fault": MISSED["pack"], "limit": "capacity"}]


def capacity(value: float, uncertainty: float = 0.0) -> Measurement:
    required = {"key": "discharge capacity", "at": "C/3", "temperature": 25.0}
    return Measurement(
        "capacity", value, "Ah", 2.0, uncertainty=uncertainty, requirement="PB-CAP-01", required=required
    )


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Waivers]:
    """Waivers of a file, with some keys of the only one changed."""

    def waivers(**changed: object) -> Waivers:
        text = WAIVERS.format(pack="mine", most=1.8, expires="2026-11-26")
        lines = [line for line in text.splitlines() if line.split(":")[0].strip() not in changed]
        lines += [f"    {key}: {value}" for key, value in changed.items() if value is not None]
        file = tmp_path / "waivers.yaml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load(str(file), tmp_path)

    return waivers


def covers(waivers: Waivers, *measured: Measurement, pack: str = "mine", today: date = TODAY) -> bool:
    return waivers.judge(pack, Verdict.FAIL, measured, MISSES, today).covered


def test_it_holds_on_its_last_day_and_not_on_the_next(read: Callable[..., Waivers]) -> None:
    waivers = read()
    assert covers(waivers, capacity(1.7))
    assert not covers(waivers, capacity(1.7), today=date(2026, 11, 27))
    assert not waivers.expired(TODAY)
    assert len(waivers.expired(date(2026, 11, 27))) == 1


@pytest.mark.parametrize("value", [1.49, 1.81, nan, -1.7])
def test_values_outside_its_range_are_news(read: Callable[..., Waivers], value: float) -> None:
    assert not covers(read(), capacity(value))


@pytest.mark.parametrize(
    ("changed", "covered"),
    [
        ({"kpi": "discharge capacity"}, True),
        ({"kpi": "charge capacity"}, False),
        ({"at": "C/3", "temperature": 25}, True),
        ({"at": "1C"}, False),
        ({"temperature": 0}, False),
        ({"requirement": "PB-CAP-02"}, False),
        ({"pack": "other"}, False),
    ],
)
def test_it_means_one_figure_of_one_pack(
    read: Callable[..., Waivers], changed: dict[str, object], covered: bool
) -> None:
    if set(changed) & {"requirement"}:
        waivers = Waivers(None, tuple(each.model_copy(update=changed) for each in read().waivers))
    else:
        waivers = read(**changed)
    assert covers(waivers, capacity(1.7)) is covered


def test_a_measurement_too_close_to_tell_is_covered_as_a_failure_is(read: Callable[..., Waivers]) -> None:
    near = capacity(1.79, uncertainty=0.5)
    assert near.verdict is Verdict.INCONCLUSIVE
    assert read().judge("mine", Verdict.INCONCLUSIVE, [near], [], TODAY).covered


def test_a_limit_that_ended_the_run_cannot_be_waived(read: Callable[..., Waivers]) -> None:
    causes = [*MISSES, {"fault": "cell-over-voltage"}]
    assert not read().judge("mine", Verdict.FAIL, [capacity(1.7)], causes, TODAY).covered


@pytest.mark.parametrize("verdict", [Verdict.BENCH_FAULT, Verdict.ABORTED, Verdict.TEST_ERROR])
def test_only_a_verdict_on_the_pack_can_be_waived(read: Callable[..., Waivers], verdict: Verdict) -> None:
    assert not read().judge("mine", verdict, [capacity(1.7)], MISSES, TODAY).covered


def test_a_run_that_failed_without_a_measurement_is_not_covered(read: Callable[..., Waivers]) -> None:
    assert not covers(read())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"expires": "soon"}, "line 9, key waivers.0.expires: found 'soon', "),
        ({"value": "{min: 3, max: 2}"}, "key waivers.0.value: found {'min': 3, 'max': 2}, min 3 must not lie "),
        ({"value": "{min: 3}"}, "key waivers.0.value.max: this key is required and missing"),
        ({"owner": None}, "key waivers.0.owner: this key is required and missing"),
        ({"reason": "''"}, "key waivers.0.reason: found '', string should have at least 1 character"),
        ({"expire": "2026-01-01"}, "key waivers.0.expire: unknown key; did you mean 'expires'?"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_one_sentence(
    read: Callable[..., Waivers], changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=r"waivers\.yaml") as refused:
        read(**changed)
    assert sentence in str(refused.value)


def test_a_file_that_is_not_there_is_refused_before_anything_runs(project: Project) -> None:
    project.write(WEAK)
    ended = project.run("--waivers=nowhere.yaml")
    assert ended.status == 2
    assert "--waivers=nowhere.yaml: there is no such file; leave it out, or name a file like" in ended.output
    assert not project.manifests
