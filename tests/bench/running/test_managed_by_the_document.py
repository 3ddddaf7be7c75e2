"""The managers that docs/manager-contract.md shows, each put under test as it stands there."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.testing import TestBench
from bench.verdicts import InputError
from packbench import serve_manager
from tests.bench.running.test_managed_over_modbus import column, decisions, hours, scale_of

On = Callable[..., TestBench]
DOCUMENT = (Path(__file__).parents[3] / "docs" / "manager-contract.md").read_text(encoding="utf-8")
PROGRAMS = {found[1]: found[0] for found in re.findall(r"```python\n(# (\w+)\.py;.*?)```", DOCUMENT, re.DOTALL)}


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("rule", "{} {}"),
        ("rule", "modbus:{} {} modbus {{address}}"),
        ("rule", "ocpp:{} {} ocpp"),
        ("optimiser", "{} {}"),
        ("manager", "modbus:{} {} {{address}}"),
        ("central", "ocpp:{} {}"),
    ],
)
def test_a_manager_of_the_document_is_in_charge(on: On, name: str, command: str, tmp_path: Path) -> None:
    program = tmp_path / f"{name}.py"
    program.write_text(PROGRAMS[name], encoding="utf-8")
    run = on("virtual-module", soc=0.5).run(Manage(command.format(sys.executable, program), hours(0.5)))
    assert {(each["power"], each["problem"]) for each in decisions(run)} == {(3000, "")}
    assert np.nanmax(column(run, "Set Grid Power / W")) == pytest.approx(3000 * scale_of(run))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_document_has_as_many_lines_as_it_says(name: str) -> None:
    before = DOCUMENT[: DOCUMENT.index(PROGRAMS[name])]
    said = re.findall(r"[Ii]n (\d+) lines", before)[-1]
    assert len([line for line in PROGRAMS[name].splitlines() if line.strip() and line[0] != "#"]) == int(said)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("moodbus",), "no wire 'moodbus'.*modbus"),
        (("modbus", "here"), "'here': give HOST:PORT"),
        (("http", "", 70000), "nobody can listen at port 70000"),
    ],
)
def test_a_rule_that_nobody_can_carry_is_one_sentence(given: tuple[Any, ...], why: str) -> None:
    over, *rest = given
    with pytest.raises(InputError, match=why):
        serve_manager(lambda _asked: {"power": 0}, over, *rest[:1], port=(rest[1:] or [0])[0])
