"""Requirements and what came of them as ReqIF 1.2, which the requirements tools of the field import.

OMG formal/2016-07-01. One SPEC-OBJECT for each requirement, in one SPECIFICATION; its attributes are strings, so that
no tool has to know our enumerations. What is the same requirement has the same identifier in every export, so that an
import updates it. XML is written by the standard library.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from xml.etree import ElementTree as ET

from reports.covered import UNCOVERED, Covered
from reports.tables import quantity

NAMESPACE = "http://www.omg.org/spec/ReqIF/20110401/reqif.xsd"
ATTRIBUTES = (
    "ReqIF.ForeignID", "ReqIF.Text", "Clause", "Figures", "Verdict", "Tightest figure", "Allowed", "Tests",
    "Limit", "Limit from",
)  # fmt: skip
"""Names of a requirement's attributes; those with a dot are what the ReqIF implementation guide calls them."""
STRING, KIND, WHOLE, LIST = "packbench-string", "packbench-requirement", "packbench-specification", "packbench-list"
LONGEST = 32000
"""Letters of a string at most, as it is declared."""
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)))
"""Characters that XML 1.0 has no way to write."""


def as_reqif(rows: Sequence[Covered], moment: str) -> str:
    """The file; `moment` is the time of the session, as ISO 8601."""
    root = ET.Element("REQ-IF", {"xmlns": NAMESPACE})
    header = ET.SubElement(ET.SubElement(root, "THE-HEADER"), "REQ-IF-HEADER", {"IDENTIFIER": "packbench-header"})
    for name, text in (
        ("CREATION-TIME", moment), ("REQ-IF-TOOL-ID", "packbench"), ("REQ-IF-VERSION", "1.0"),
        ("SOURCE-TOOL-ID", "packbench"), ("TITLE", "Requirements and what came of their tests"),
    ):  # fmt: skip
        ET.SubElement(header, name).text = text
    content = ET.SubElement(ET.SubElement(root, "CORE-CONTENT"), "REQ-IF-CONTENT")
    _types(content, moment)
    objects = ET.SubElement(content, "SPEC-OBJECTS")
    for each in rows:
        _object(objects, each, moment)
    _specification(content, rows, moment)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def identifier_of(covered: Covered) -> str:
    """What a requirement is called in every export: an XML name, whatever its own is."""
    return f"packbench-{sha256(covered.identifier.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"


def _types(content: ET.Element, moment: str) -> None:
    strings = {"IDENTIFIER": STRING, "LAST-CHANGE": moment, "LONG-NAME": "String", "MAX-LENGTH": str(LONGEST)}
    ET.SubElement(ET.SubElement(content, "DATATYPES"), "DATATYPE-DEFINITION-STRING", strings)
    types = ET.SubElement(content, "SPEC-TYPES")
    kind = _named(types, "SPEC-OBJECT-TYPE", KIND, "Requirement", moment)
    attributes = ET.SubElement(kind, "SPEC-ATTRIBUTES")
    for name in ATTRIBUTES:
        each = _named(attributes, "ATTRIBUTE-DEFINITION-STRING", _attribute(name), name, moment)
        ET.SubElement(ET.SubElement(each, "TYPE"), "DATATYPE-DEFINITION-STRING-REF").text = STRING
    _named(types, "SPECIFICATION-TYPE", LIST, "List of requirements", moment)


def _object(objects: ET.Element, covered: Covered, moment: str) -> None:
    made = _named(objects, "SPEC-OBJECT", identifier_of(covered), covered.identifier, moment)
    values = ET.SubElement(made, "VALUES")
    for name, text in zip(ATTRIBUTES, _values(covered), strict=True):
        value = ET.SubElement(values, "ATTRIBUTE-VALUE-STRING", {"THE-VALUE": _written(text)})
        ET.SubElement(ET.SubElement(value, "DEFINITION"), "ATTRIBUTE-DEFINITION-STRING-REF").text = _attribute(name)
    ET.SubElement(ET.SubElement(made, "TYPE"), "SPEC-OBJECT-TYPE-REF").text = KIND


def _specification(content: ET.Element, rows: Sequence[Covered], moment: str) -> None:
    whole = _named(ET.SubElement(content, "SPECIFICATIONS"), "SPECIFICATION", WHOLE, "Requirements", moment)
    ET.SubElement(ET.SubElement(whole, "TYPE"), "SPECIFICATION-TYPE-REF").text = LIST
    children = ET.SubElement(whole, "CHILDREN")
    for each in rows:
        place = _named(children, "SPEC-HIERARCHY", f"{identifier_of(each)}-place", "", moment)
        ET.SubElement(ET.SubElement(place, "OBJECT"), "SPEC-OBJECT-REF").text = identifier_of(each)


def _values(covered: Covered) -> Iterator[str]:
    row = covered.deciding
    yield from (covered.identifier, covered.text, covered.clause, ", ".join(covered.kpi))
    yield covered.verdict or UNCOVERED
    yield "" if row is None else f"{row.name} {quantity(row.value, row.unit)}"
    yield "" if row is None else row.allowed
    yield "\n".join(f"{test.verdict}: {test.nodeid}" for test in covered.tests)
    yield from (covered.limit, covered.source)


def _named(parent: ET.Element, tag: str, identifier: str, name: str, moment: str) -> ET.Element:
    """An element that ReqIF calls identifiable."""
    called = {"LONG-NAME": _written(name)} if name else {}
    return ET.SubElement(parent, tag, {"IDENTIFIER": identifier, "LAST-CHANGE": moment, **called})


def _attribute(name: str) -> str:
    return f"packbench-{name.replace(' ', '-').lower()}"


def _written(text: str) -> str:
    return text.translate(_CONTROL)[:LONGEST]
