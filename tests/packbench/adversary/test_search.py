"""The search as somebody uses it: a command, its exit status, and the file that it leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.verdicts import BenchFault, InputError
from packbench.adversary import Week, replay
from packbench.adversary.benching import STATION
from packbench.adversary.living import Lived
from packbench.adversary.managers import There, opened
from packbench.adversary.piece import Outset, one
from packbench.adversary.referee import Breach
from packbench.adversary.search import NAMED, search
from packbench.players import processes

SERVED = f"{sys.executable} -m managers"


def adversary(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "packbench", "adversary", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def pytest_on(path: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name, "--station", STATION]
    return subprocess.run(command, capture_output=True, check=False, cwd=path.parent).returncode


@pytest.mark.long
@pytest.mark.parametrize("flawed", ["percent", "myopic", "stubborn"])
def test_each_flaw_is_found_and_its_file_tells_it_from_the_reference(flawed: str, tmp_path: Path) -> None:
    """As somebody would, with the words that the command prints."""
    file = tmp_path / "test_found.py"
    done = adversary(flawed, "--weeks", "150", "--days", "3", "--jobs", "1", "--out", str(file), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "The bench agrees, and the breach counts: on the bench virtual-vehicle: " in done.stdout
    assert pytest_on(file) == 1
    text = file.read_text(encoding="utf-8")
    assert "The bench agrees" in text
    assert f'MANAGER = "{flawed}"' in text
    file.write_text(text.replace(f'MANAGER = "{flawed}"', 'MANAGER = "reference"'), encoding="utf-8")
    assert pytest_on(file) == 0


def test_nothing_found_is_said_and_is_no_file(tmp_path: Path) -> None:
    done = adversary("reference", "--weeks", "3", "--days", "1", "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "no breach" in done.stdout
    assert "3 of 3 weeks" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_takes_long_says_nothing_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it draws weeks with says there that it gives up: in front of JSON that made it none."""
    monkeypatch.setattr("hypothesis.internal.conjecture.engine.MAX_SHRINKING_SECONDS", 0)
    broken = Breach("reserve", 900.0, "it broke its word.")
    monkeypatch.setattr("packbench.adversary.piece.live", lambda plant, _who: Lived(plant))
    monkeypatch.setattr("packbench.adversary.piece.judged", lambda _lived: [broken])
    assert one(Outset("reference", 3, 1, 0)).breach == broken
    assert capsys.readouterr().out == ""


def test_a_breach_is_left_in_the_first_days_that_show_it_however_few_tries_there_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bench lives all of them, day by day: those behind the breach cost minutes and show nothing."""

    def judged(lived: Lived) -> list[Breach]:
        days = round(lived.plant.days.duration / 86400)
        return [Breach("reserve", 900.0, f"of {days}")] if days >= 2 else []

    monkeypatch.setattr("packbench.adversary.piece.live", lambda plant, _who: Lived(plant))
    monkeypatch.setattr("packbench.adversary.piece.judged", judged)
    monkeypatch.setattr("packbench.adversary.piece.SMALLER", 0)
    found = [one(Outset("reference", 9, 1, number)) for number in range(3)]
    assert [each.week and each.week.days for each in found] == [2, 2, 2]
    assert {each.breach for each in found} == {Breach("reserve", 900.0, "of 2")}


@pytest.mark.long
def test_the_same_seed_finds_the_same_however_many_search() -> None:
    alone, both = (
        search("percent", budget=20, player=processes(NAMED, jobs), start=5, tell=lambda _: None, days=1)
        for jobs in (1, 2)
    )
    assert alone.found is not None
    assert alone.found == both.found
    assert alone.tried == both.tried


@pytest.mark.parametrize("who", ["referense", "http://127.0.0.1:9", f"{sys.executable} -c pass", "ftp://x y"])
def test_a_manager_that_is_not_there_is_wrong_input(who: str, tmp_path: Path) -> None:
    done = adversary(who, "--weeks", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_manager_behind_a_url_is_asked_over_the_wire() -> None:
    week = Week(
        soc=0.6, reserve=90, price="evening", season="oslo-january", reserve_road="motorway-130", charger=11000.0
    )
    assert [each.kind for each in replay(week, "percent")] == [each.kind for each in replay(week, f"{SERVED} percent")]


def test_a_killed_process_is_nobodys_breach() -> None:
    with opened(f"{SERVED} reference") as manager:
        assert isinstance(manager, There)
        assert manager.link._process is not None
        process: Any = manager.link._process.running
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(BenchFault, match="signal 9"):
            manager.decide({})


def test_a_killed_process_ends_the_command_with_the_benchs_status(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(MORTAL, encoding="utf-8")
    done = adversary(f"{sys.executable} {own}", "--weeks", "2", "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "killed by signal 9" in done.stderr


MORTAL = """
import os, signal
from managers.serving import serve

class Mortal:
    def decide(self, request):
        os.kill(os.getpid(), signal.SIGKILL)

serve(Mortal())
"""


def test_a_manager_that_raises_is_its_own_failure() -> None:
    class Broken:
        def decide(self, _: dict[str, Any]) -> dict[str, Any]:
            raise RuntimeError("oh")

    from packbench.adversary.managers import Here
    from packbench.adversary.replaying import played

    (kind,) = {each.kind for each in played(Week(), Here(Broken))}
    assert kind == "gave no valid answer"


def test_a_name_of_nobody_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="nearest: stubborn"), opened("stuborn"):
        pass
