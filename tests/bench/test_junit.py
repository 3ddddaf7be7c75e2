"""The JUnit file of a session says of each test what its record says, whatever pytest knew."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.junit import KINDS, agree
from bench.recording.session_log import TestEnd
from bench.verdicts import NOT_RUN, Verdict

CLASS = "test_cases.test_a"
NODE = "test_cases/test_a.py::"


def junit(folder: Path, *cases: str) -> Path:
    """A file as pytest leaves it, with counts that are wrong."""
    path = folder / "junit.xml"
    path.write_text(
        "<?xml version='1.0' encoding='utf-8'?>"
        "<testsuites name='pytest tests'><testsuite name='pytest' tests='99' failures='99' errors='99' skipped='99' "
        f"time='1.5'>{''.join(cases)}</testsuite></testsuites>",
        encoding="utf-8",
    )
    return path


def case(name: str, inside: str = "", classname: str = CLASS) -> str:
    return f"<testcase classname='{classname}' name='{name}' time='0.1'>{inside}</testcase>"


def told(path: Path) -> dict[str, tuple[str, str, str | None]]:
    """Of each test the kind, message and text of its only end; a pass has none."""
    found = {}
    for each in ET.parse(path).getroot().iter("testcase"):
        ends = [child for child in each if child.tag in {"failure", "error", "skipped"}]
        assert len(ends) <= 1
        name = f"{each.get('classname')}::{each.get('name')}"
        assert name not in found, "a test is there once"
        found[name] = (ends[0].tag, ends[0].get("message", ""), ends[0].text) if ends else ("", "", None)
    return found


def counts(path: Path) -> tuple[str | None, ...]:
    suite = next(ET.parse(path).getroot().iter("testsuite"))
    return tuple(suite.get(name) for name in ("tests", "failures", "errors", "skipped"))


@pytest.mark.parametrize("verdict", [*Verdict, NOT_RUN])
@pytest.mark.parametrize("said", ["", "<failure message='m'>trace</failure>", "<error message='m'>trace</error>"])
def test_whatever_pytest_said_a_test_ends_as_its_record_says(tmp_path: Path, verdict: str, said: str) -> None:
    path = junit(tmp_path, case("test_it", said))
    agree(path, [TestEnd(f"{NODE}test_it", verdict, cause="too weak", left="Look at it.")])
    kind = KINDS.get(verdict, "")
    text = "trace" if said and kind else None
    message = f"{verdict}: too weak Look at it." if kind else ""
    assert told(path) == {f"{CLASS}::test_it": (kind, message, text)}
    assert counts(path) == ("1", *(str(int(kind == each)) for each in ("failure", "error", "skipped")))


def test_nothing_but_a_pass_is_green() -> None:
    assert {verdict for verdict in [*Verdict, NOT_RUN] if verdict not in KINDS} == {Verdict.PASS}


def test_a_test_whose_teardown_failed_as_well_is_there_once(tmp_path: Path) -> None:
    path = junit(
        tmp_path, case("test_it", "<failure>one</failure>"), case("test_it", "<error>two</error>"), case("test_b")
    )
    agree(path, [TestEnd(f"{NODE}test_it", Verdict.FAIL, cause="x"), TestEnd(f"{NODE}test_b", Verdict.PASS)])
    assert told(path) == {f"{CLASS}::test_it": ("failure", "FAIL: x", "one"), f"{CLASS}::test_b": ("", "", None)}
    assert counts(path) == ("2", "1", "0", "0")


def test_a_test_that_was_interrupted_leaves_no_case_without_a_name(tmp_path: Path) -> None:
    path = junit(tmp_path, "<testcase time='0.0'/>", case("test_it"))
    agree(path, [TestEnd(f"{NODE}test_it", Verdict.ABORTED, cause="stopped")])
    assert told(path) == {f"{CLASS}::test_it": ("error", "ABORTED: stopped", None)}


def test_a_test_that_pytest_never_told_of_is_added(tmp_path: Path) -> None:
    path = junit(tmp_path)
    agree(path, [TestEnd(f"{NODE}test_gone[a]", Verdict.BENCH_FAULT, cause="its process died")])
    assert told(path) == {f"{CLASS}::test_gone[a]": ("error", "BENCH FAULT: its process died", None)}
    assert counts(path) == ("1", "0", "1", "0")


def test_a_test_that_the_record_does_not_have_stays_as_it_is(tmp_path: Path) -> None:
    path = junit(tmp_path, case("test_else", "<failure message='m'>t</failure>"))
    agree(path, [])
    assert told(path) == {f"{CLASS}::test_else": ("failure", "m", "t")}
    assert counts(path) == ("1", "1", "0", "0")


def test_what_pytest_noted_besides_stays(tmp_path: Path) -> None:
    noted = "<properties><property name='p' value='v'/></properties><failure>t</failure><system-out>o</system-out>"
    path = junit(tmp_path, case("test_it", noted))
    agree(path, [TestEnd(f"{NODE}test_it", Verdict.PASS)])
    (found,) = ET.parse(path).getroot().iter("testcase")
    assert [child.tag for child in found] == ["properties", "system-out"]


@pytest.mark.parametrize(
    ("nodeid", "prefix", "classname", "name"),
    [
        ("test_a.py::test_it", "", "test_a", "test_it"),
        ("a/b/test_a.py::TestC::test_it[x-1]", "", "a.b.test_a.TestC", "test_it[x-1]"),
        ("test_a.py::test_it[a::b/c.py]", "", "test_a", "test_it[a::b/c.py]"),
        ("test_a.py::test_it", "lab", "lab.test_a", "test_it"),
        ("test_a.py", "", "", "test_a"),
        ("test_a.py::test_it[\x1b]", "", "test_a", "test_it[#x1B]"),
        ("test_a.py::test_it[\ufffe]", "", "test_a", "test_it[#xFFFE]"),
    ],
)  # fmt: skip
def test_a_test_is_found_under_the_name_that_pytest_gives_it(
    tmp_path: Path, nodeid: str, prefix: str, classname: str, name: str
) -> None:
    path = junit(tmp_path, case(name, classname=classname))
    agree(path, [TestEnd(nodeid, Verdict.FAIL, cause="x")], prefix)
    assert told(path) == {f"{classname}::{name}": ("failure", "FAIL: x", None)}


def test_a_cause_that_no_xml_can_hold_is_told_and_the_file_stays_one(tmp_path: Path) -> None:
    path = junit(tmp_path, case("test_it"))
    agree(path, [TestEnd(f"{NODE}test_it", Verdict.FAIL, cause="a\x00b\x1b[31m <&> \ud800 é")])
    assert told(path)[f"{CLASS}::test_it"][1] == "FAIL: a#x00b#x1B[31m <&> #xD800 é"


@pytest.mark.parametrize("text", ["", "<testsuites>", "no xml at all"])
def test_what_is_no_junit_file_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"junit\.xml is no JUnit file: "):
        agree(path, [])
    assert path.read_text(encoding="utf-8") == text


def test_agreeing_again_changes_nothing(tmp_path: Path) -> None:
    ends = [TestEnd(f"{NODE}test_it", Verdict.FAIL, cause="x"), TestEnd(f"{NODE}test_new", NOT_RUN, cause="left out")]
    path = junit(tmp_path, case("test_it", "<failure>t</failure>"))
    agree(path, ends)
    once = path.read_bytes()
    agree(path, ends)
    assert path.read_bytes() == once
