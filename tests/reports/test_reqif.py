"""The requirements as ReqIF: valid by the OMG's schema, and read back by an independent library."""

from importlib.resources import as_file, files
from pathlib import Path

import pytest

from reports.covered import UNCOVERED, coverage
from reports.reqif import as_reqif, identifier_of
from tests.reports.test_covered import LISTED, outcome

xmlschema = pytest.importorskip("xmlschema")
reqif_parser = pytest.importorskip("reqif.parser")
MOMENT = "2026-11-22T19:45:01.123Z"
TESTS = [outcome("PASS", "A-1"), outcome("FAIL", "A-1", "B <2>", value=1.9, nodeid="t.py::test_other[µ]")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.reqif"
    path.write_text(as_reqif(coverage(LISTED, TESTS), MOMENT), encoding="utf-8")
    return path


def read(path: Path) -> dict[str, dict[str, str]]:
    """Attributes by name of each requirement, in the order of the specification."""
    bundle = reqif_parser.ReqIFParser.parse(str(path))
    content = bundle.core_content.req_if_content
    requirement = next(each for each in content.spec_types if each.long_name == "Requirement")
    names = {each.identifier: each.long_name for each in requirement.attribute_definitions}
    objects = {each.identifier: each for each in content.spec_objects}
    order = [place.spec_object for place in content.specifications[0].children]
    told = [{names[each.definition_ref]: each.value for each in objects[key].attributes} for key in order]
    return {each["ReqIF.ForeignID"]: each for each in told}


def test_it_is_valid_by_the_schema_of_the_omg(file: Path) -> None:
    with as_file(files("reqif") / "reqif_schema") as folder:
        # The schema imports XHTML's, which lie beside it: nothing is fetched.
        schema = xmlschema.XMLSchema(str(folder / "reqif.xsd"), allow="local")
        assert [str(error.reason) for error in schema.iter_errors(str(file))] == []
        broken = file.read_text(encoding="utf-8").replace("<SPEC-OBJECT ", "<SPEC-THING ", 1)
        broken = broken.replace("</SPEC-OBJECT>", "</SPEC-THING>", 1)
        assert list(schema.iter_errors(broken)), "the schema would notice"


def test_another_library_reads_back_every_requirement_and_what_came_of_it(file: Path) -> None:
    found = read(file)
    assert list(found) == [each.identifier for each in coverage(LISTED, TESTS)]
    assert found["A-1"]["ReqIF.Text"] == "It holds."
    assert found["A-1"]["Clause"] == "ISO 1"
    assert found["A-1"]["Verdict"] == "FAIL"
    assert found["A-1"]["Tightest figure"] == "capacity 1.9 Ah"
    assert "FAIL: t.py::test_other[µ]" in found["A-1"]["Tests"]
    assert found["A-2"]["Verdict"] == UNCOVERED
    assert found["A-3"]["ReqIF.Text"] == "<b>no</b>"
    assert (found["A-2"]["Limit"], found["A-2"]["Limit from"]) == ("discharge capacity ≥ 2 Ah", "ISO 1")


def test_an_identifier_is_the_same_in_every_export_and_an_xml_name_whatever_it_is(tmp_path: Path) -> None:
    names = ["A-1", "<script>", "ünïcode 1", "0", "a\x01b", "\udcff"]
    rows = coverage({name: {"text": name} for name in names}, [])
    again = coverage({name: {} for name in names}, [])
    assert [identifier_of(each) for each in rows] == [identifier_of(each) for each in again]
    assert len({identifier_of(each) for each in rows}) == len(names)
    path = tmp_path / "odd.reqif"
    path.write_text(as_reqif(rows, MOMENT), encoding="utf-8")
    assert "<script>" not in path.read_text(encoding="utf-8")
    assert list(read(path)) == ["A-1", "<script>", "ünïcode 1", "0", "ab", ""]


def test_without_requirements_it_is_valid_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.reqif"
    path.write_text(as_reqif([], MOMENT), encoding="utf-8")
    with as_file(files("reqif") / "reqif_schema") as folder:
        assert xmlschema.XMLSchema(str(folder / "reqif.xsd"), allow="local").is_valid(str(path))
