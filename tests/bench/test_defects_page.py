"""The page about defects says what the simulators can do and what the fault catalogue knows, no more and no less."""

import re
from pathlib import Path

from bench.safety.faults import catalogue
from instruments.virtual.defects.grammar import FORMS
from instruments.virtual.defects.injection import EFFECTS
from instruments.virtual.defects.of_bms import SIGNAL_NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "defects.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]*) \|$", PAGE, flags=re.MULTILINE)


def test_every_form_has_its_effect_and_its_row() -> None:
    assert set(EFFECTS) == set(FORMS)
    assert sorted(form for form, _, _ in ROWS) == sorted(FORMS.values())


def test_every_row_names_the_faults_that_find_it() -> None:
    names = {form: name for name, form in FORMS.items()}
    for form, _, found_by in ROWS:
        ids = {fault_id for fault_id, fault in catalogue().items() if names[form] in fault.defects}
        assert set(re.findall(r"`([^`]+)`", found_by)) == ids, form


def test_every_name_that_a_part_may_have_is_listed() -> None:
    for names in SIGNAL_NAMES.values():
        assert all(f"`{name}`" in PAGE for name in names)
