"""The managers that docs/manager-contract.md shows, each put under test as it stands there."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.testing import TestBench
from tests.bench.running.test_managed_over_modbus import column, decisions, hours, scale_of

On = Callable[..., TestBench]
DOCUMENT = (Path(__file__).parents[3] / "docs" / "manager-contract.md").read_text(encoding="utf-8")
PROGRAMS = {found[1]: found[0] for found in re.findall(r"```python\n(# (\w+)\.py;.*?)```", DOCUMENT, re.DOTALL)}


@pytest.mark.parametrize(("name", "command"), [("manager", "modbus:{} {} {{address}}"), ("central", "ocpp:{} {}")])
def test_a_manager_of_ten_lines_is_in_charge(on: On, name: str, command: str, tmp_path: Path) -> None:
    program = tmp_path / f"{name}.py"
    program.write_text(PROGRAMS[name], encoding="utf-8")
    run = on("virtual-module", soc=0.5).run(Manage(command.format(sys.executable, program), hours(0.5)))
    assert {(each["power"], each["problem"]) for each in decisions(run)} == {(3000, "")}
    assert np.nanmax(column(run, "Set Grid Power / W")) == pytest.approx(3000 * scale_of(run))
