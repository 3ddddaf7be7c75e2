"""Requirements, and what came of their tests."""

from bench.recording.session_log import CONTRADICTIONS
from reports import covered
from reports.front.shown import Shown

ORDER = 70


def section(shown: Shown) -> str:
    """Those of the list, and those that tests are marked with; of a part of the tests the list asks for nothing."""
    listed = shown.session.facts.get("requirements", {}) if shown.session and not shown.part else {}
    told = shown.session.facts.get(CONTRADICTIONS, ()) if listed and shown.session else ()
    return covered.requirements(listed, shown.tests, shown.places, "../" if shown.part else "", told)
