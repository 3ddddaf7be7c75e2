"""One bench, one user: the second one reads who holds it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import lease
from bench.lease import BenchLease
from bench.verdicts import BenchInUse

ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from bench.lease import BenchLease
held = BenchLease(Path(sys.argv[1]), "rig-1")
print("held", flush=True)
sys.stdin.readline()
{then}
"""


def hold(path: Path, then: str = "held.release()") -> subprocess.Popen[str]:
    """Another process that holds the lease until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(then=then), str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_reads_who_holds_the_bench(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    other = hold(path)
    with pytest.raises(BenchInUse) as caught:
        BenchLease(path, "rig-1")
    other.communicate("\n")
    text = str(caught.value)
    assert text.startswith("Bench rig-1 is in use by ")
    assert f"(process {other.pid}) since 20" in text
    assert str(path) in text
    BenchLease(path, "rig-1").release()


def test_a_process_that_dies_gives_the_bench_back(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    hold(path, then="import os; os._exit(9)").communicate("\n")
    held = BenchLease(path, "rig-1")
    assert json.loads(path.with_suffix(".holder.json").read_text())["process"] == os.getpid()
    held.release()


def test_a_lease_may_be_released_again(tmp_path: Path) -> None:
    held = BenchLease(tmp_path / "deep" / "rig-1.lock", "rig-1")
    held.release()
    held.release()
    assert not list((tmp_path / "deep").glob("*.json"))


@pytest.mark.parametrize("left", ["", "{}", "[1]", "\x00", '{"user": "me"}'])
def test_a_holder_that_left_no_name_still_holds_it(tmp_path: Path, left: str) -> None:
    path = tmp_path / "rig-1.lock"
    other = hold(path)
    path.with_suffix(".holder.json").write_text(left)
    with pytest.raises(BenchInUse, match="in use by somebody who left no name"):
        BenchLease(path, "rig-1")
    other.communicate("\n")


def test_a_place_that_cannot_hold_a_lease_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchInUse, match=r"the lease .* cannot be taken"):
        BenchLease(tmp_path / "file" / "rig-1.lock", "rig-1")


def test_a_user_without_a_name_can_hold_a_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(lease.getpass, "getuser", nobody)
    held = BenchLease(tmp_path / "rig-1.lock", "rig-1")
    assert json.loads((tmp_path / "rig-1.holder.json").read_text())["user"]
    held.release()
