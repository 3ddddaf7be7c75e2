"""The page about defects says what the simulators can do and what the fault catalogue knows, no more and no less."""

import re
from pathlib import Path

from bench.safety.faults import catalogue
from instruments.virtual.defects.vocabulary import shipped_kinds
from instruments.virtual.registry import shipped

PAGE = (Path(__file__).parents[2] / "docs" / "defects.md").read_text(encoding="utf-8")
FORMS = {name: kind.form for name, kind in shipped_kinds().items()}
ROWS = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]*) \|$", PAGE, flags=re.MULTILINE)


def test_every_form_has_its_row() -> None:
    assert sorted(form for form, _, _ in ROWS) == sorted(FORMS.values())


def test_every_row_names_the_faults_that_find_it() -> None:
    names = {form: name for name, form in FORMS.items()}
    for form, _, found_by in ROWS:
        ids = {fault_id for fault_id, fault in catalogue().items() if names[form] in fault.defects}
        assert set(re.findall(r"`([^`]+)`", found_by)) == ids, form


def test_every_name_that_a_part_may_have_is_listed() -> None:
    for simulator in shipped().values():
        for names in simulator.words.values():
            assert all(f"`{name}`" in PAGE for name in names)
