"""Makes the JUnit file of a session agree with its record: pytest knows failures, not whose they are.

What is under test and failed, or could not be judged, is a `<failure>`; a bench fault, a mistake in a test and an abort
are `<error>`. A dashboard that reads nothing else never sees green where the session was not.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.recording.session_log import TestEnd
from bench.verdicts import FAILED, NOT_RUN, Verdict

KINDS: Mapping[str, str] = {
    **dict.fromkeys(FAILED.values(), "failure"),
    Verdict.INCONCLUSIVE: "failure",
    Verdict.TEST_ERROR: "error",
    Verdict.BENCH_FAULT: "error",
    Verdict.ABORTED: "error",
    NOT_RUN: "skipped",
}
"""What each end is in a JUnit file; a pass is nothing."""
_BAD = ("failure", "error", "skipped")
_COUNTED = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def agree(path: Path, ends: Iterable[TestEnd], prefix: str = "") -> None:
    """Rewrite the file that pytest left at `path`; `prefix` is that of `--junit-prefix`.

    Raises `OSError` or `ValueError` when it cannot be read or written.
    """
    try:
        tree = ET.parse(path)  # noqa: S314 - pytest has just written it
    except ET.ParseError as error:
        raise ValueError(f"{path} is no JUnit file: {error}.") from error
    for suite in tree.getroot().iter("testsuite"):
        cases: dict[tuple[str, str], list[ET.Element]] = {}
        for case in suite.findall("testcase"):
            if not case.get("name"):
                suite.remove(case)  # what pytest leaves of a test that was interrupted
                continue
            cases.setdefault((case.get("classname", ""), case.get("name", "")), []).append(case)
        for end in ends:
            address = _address(end.nodeid, prefix)
            for extra in cases.get(address, [])[1:]:
                suite.remove(extra)  # pytest's second entry for a test whose teardown failed as well
            _tell(cases[address][0] if address in cases else _new(suite, address), end)
        _count(suite)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _address(nodeid: str, prefix: str) -> tuple[str, str]:
    """Class and name as pytest writes them."""
    path, bracket, parameters = nodeid.partition("[")
    names = path.split("::")
    names[0] = names[0].replace("/", ".").removesuffix(".py")
    first = [prefix] if prefix else []
    return ".".join([*first, *names[:-1]]), _escaped(names[-1] + bracket + parameters)


def _escaped(text: str) -> str:
    """What XML cannot hold, written as pytest writes it."""
    return _NO_XML.sub(lambda match: f"#x{ord(match.group()):02X}", text)


def _new(suite: ET.Element, address: tuple[str, str]) -> ET.Element:
    return ET.SubElement(suite, "testcase", {"classname": address[0], "name": address[1], "time": "0.0"})


def _tell(case: ET.Element, end: TestEnd) -> None:
    """One element that says how the test ended, with whatever pytest had to say as its text."""
    found = [element for element in case if element.tag in _BAD]
    for element in found:
        case.remove(element)
    kind = KINDS.get(end.verdict)
    if kind is None:
        return
    sentence = _escaped(" ".join(filter(None, (f"{end.verdict}: {end.cause}", end.left))))
    told = ET.SubElement(case, kind, {"type": end.verdict, "message": sentence})
    told.text = "\n\n".join(element.text for element in found if element.text) or None


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, tag in _COUNTED:
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
