"""Where a session comes from: which keys of its files changed since the last night, which instrument is another one."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.recording import sources
from reports.beginning import beginning_of
from reports.front.sections import provenance
from reports.front.shown import Links, Shown
from reports.nights.changes import changed
from reports.nights.night import Night
from reports.nights.section import Since
from reports.outcome import Outcome
from reports.provenance import ABSENT, KeyChange, differences
from reports.recording import Recording
from tests.reports.nights.nights import night

NOWHERE = Links(None, *[lambda _test: None] * 3)
PACK = "pack lfp-24s"
WAS = "name: lfp-24s\nlimits:\n  cell_voltage: {min: 2.0, max: 3.6}\nlist: [1, 2]\nsteps:\n  - {at: 0, a: 1}\n"
NOW = "name: lfp-24s\nlimits:\n  cell_voltage: {min: 2.0, max: 3.65}\nlist: [1, 3]\nsteps:\n  - {at: 0}\nnew: true\n"


def told(tests: list[Outcome], since: Since) -> str:
    return provenance.section(Shown(tests, NOWHERE, since))


def made(runs: Path, text: str, number: int, **more: Any) -> Night:
    """A night with that pack file, which is kept."""
    file = runs / "pack.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    sources.keep(runs, file)
    return replace(night(number), made_from={PACK: sha256(text.encode()).hexdigest()}, **more)


def test_the_changed_keys_of_a_file_are_told_old_and_new(tmp_path: Path) -> None:
    (found,) = differences(tmp_path, made(tmp_path, NOW, 2), made(tmp_path, WAS, 1))
    assert found.what == PACK
    assert found.keys == (
        KeyChange("limits.cell_voltage.max", "3.6", "3.65"), KeyChange("list", "[1, 2]", "[1, 3]"),
        KeyChange("steps.0.a", "1", ABSENT), KeyChange("new", ABSENT, "True"),
    )  # fmt: skip


def test_a_file_that_is_as_it_was_or_differs_in_comments_alone_says_so(tmp_path: Path) -> None:
    before = made(tmp_path, WAS, 1)
    assert differences(tmp_path, made(tmp_path, WAS, 2), before) == ()
    (found,) = differences(tmp_path, made(tmp_path, f"# new\n{WAS}", 2), before)
    assert (found.keys, found.why) == ((), "comments or their order alone")
    assert differences(tmp_path, before, None) == ()


@pytest.mark.parametrize("broken", [None, "a: [", "a: !!python/object/apply:os.system [x]\n"])
def test_a_file_that_is_not_kept_or_cannot_be_read_is_told(tmp_path: Path, broken: str | None) -> None:
    before, now = made(tmp_path, WAS, 1), made(tmp_path, NOW, 2)
    place = sources.kept(tmp_path, before.made_from[PACK])
    if broken is None:
        place.unlink()
    else:
        place.write_text(broken, encoding="utf-8")
    (found,) = differences(tmp_path, now, before)
    assert found.keys == ()
    assert "not kept" in found.why


def test_another_instrument_or_a_new_certificate_is_told(tmp_path: Path) -> None:
    now, before = night(2), night(1)
    now = replace(now, devices={"supply": ("PSB", "77", "2.0", "2028-01-01"), "load": ("L", "1", "", "")})
    before = replace(before, devices={"supply": ("PSB", "12", "2.0", "2027-01-01"), "load": ("L", "1", "", "")})
    (found,) = differences(tmp_path, now, before)
    assert found.what == "instrument supply"
    assert found.keys == (
        KeyChange("serial number", "12", "77"), KeyChange("calibration due", "2027-01-01", "2028-01-01"),
    )  # fmt: skip


def outcome(number: int, soc: float, **test: Any) -> Outcome:
    manifest = {
        "run_id": f"1/{number}", "started": f"2026-01-01T00:0{number}", "begins_with": {"soc": soc},
        "operator": "alice",
        "station": {"name": "s", "sha256": "a" * 64}, "pack": {"name": "lfp-24s", "sha256": "b" * 64},
        "test": {"file": "test_cases/test_it.py", "sha256": "c" * 64, **test},
    }  # fmt: skip
    return Outcome("PASS", "It", f"t::{number}", "1" * 32, "", (), manifest)


@pytest.mark.parametrize(
    ("committed", "word"), [(True, ">committed<"), (False, ">not committed<"), (None, ">nobody knows<")]
)
def test_the_page_tells_operator_charge_files_and_whether_the_test_was_committed(
    committed: bool | None, word: str
) -> None:
    tests = [outcome(number, soc, committed=committed) for number, soc in ((1, 0.31), (2, 1.0))]
    page = told(tests, Since(changed(night(1), [])))
    for text in ("alice", "31.0 % in the first run; from 31.0 % to 100.0 % in all 2", "bbbbbbbbbbbb", word):
        assert text in page
    assert "since" not in page.lower().replace("since the last night", "")


def test_the_page_lists_what_changed_and_never_obeys_it(tmp_path: Path) -> None:
    bad = "name: lfp-24s\n<script>: <b>1</b>\n"
    before, now = made(tmp_path, WAS, 1), made(tmp_path, bad, 2)
    since = replace(Since(changed(now, [before])), differences=differences(tmp_path, now, before))
    page = told([outcome(1, 0.3)], since)
    assert "&lt;script&gt;: not there → &lt;b&gt;1&lt;/b&gt;" in page
    assert "limits.cell_voltage.max: 3.6 → not there" in page
    assert "<script" not in page


def test_without_runs_there_is_no_section() -> None:
    assert told([Outcome("NOT RUN", "It", "t", "1" * 32, "", ())], Since(changed(night(1), []))) == ""


def test_a_run_begins_with_the_first_charge_that_somebody_measured() -> None:
    rows = np.array([[0.0, 0, np.nan, 25.0], [1.0, 0, 0.3, 25.0], [2.0, 0, 0.4, 26.0]])
    run = Recording({}, (), ["Test Time / s", "Step Count / 1", "SOC / 1", "Ambient Temperature / degC"], rows)
    assert beginning_of(run) == {"soc": 0.3, "ambient": 25.0}
    assert beginning_of(Recording({}, (), ["Test Time / s"], rows[:, :1])) == {}
