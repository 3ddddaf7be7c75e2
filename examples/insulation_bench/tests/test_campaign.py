"""The faults of this package in packbench's campaign, from the catalogue that it ships."""

import json
import subprocess
import sys
from pathlib import Path

from insulation_bench import FILES


def test_every_fault_of_the_catalogue_comes_out_as_expected_also_for_a_test_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "campaign", f"--catalogue={FILES / 'faults.yaml'}"]
    done = subprocess.run(
        command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300
    )
    found = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("fault-results/outcomes/*.json")]
    assert done.returncode == 0, done.stdout
    assert len(found) == 9
    assert not [each["fault"] for each in found if each["problems"]]
    named = {each["fault"]: each["named"] for each in found}
    assert named["leak"] == "leak-to-case"
    killed = next(each for each in found if each["fault"] == "killed")
    assert (killed["noticed"], killed["named"], killed["off"]) == ("ended", "test-died", True)
