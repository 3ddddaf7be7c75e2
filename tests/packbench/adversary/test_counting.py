"""A breach counts when a full bench agrees: what one rejects is counted, and the search goes on behind it."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.verdicts import BenchFault, InputError
from packbench.adversary.apart import apart
from packbench.adversary.benching import Agreed
from packbench.adversary.living import Lived
from packbench.adversary.piece import Outset, one
from packbench.adversary.referee import USED_UP, Breach
from packbench.adversary.search import PIECE, Found, search
from packbench.adversary.space import Week
from tests.bench.cli_support import Answer, packbench_here
from tests.bench.managing.manager import manager

BREACH = Breach(USED_UP, 900.0, "it broke its word.")


def here(_: Callable[[Any], Any], jobs: Sequence[Any], *, names: Sequence[str] | None = None) -> Iterator[Any]:
    """Plays each piece in this process, and gives them backwards."""
    return map(one, reversed(jobs))


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager that breaks each week in which somebody goes anywhere."""

    def judged(lived: Lived) -> Sequence[Breach]:
        return [BREACH] if lived.plant.days.trips else []

    monkeypatch.setattr("packbench.adversary.piece.live", lambda plant, _who: Lived(plant))
    monkeypatch.setattr("packbench.adversary.piece.judged", judged)
    monkeypatch.setattr("packbench.players.processes", lambda *_named: here)


def looked(budget: int, *answers: bool) -> tuple[Found, list[Week]]:
    """What comes of a search whose bench answers so, and rejects what comes behind."""
    asked: list[Week] = []

    def bench(week: Week, _: Breach) -> Agreed:
        asked.append(week)
        return Agreed(len(asked) <= len(answers) and answers[len(asked) - 1], "as it is told")

    return search("reference", budget=budget, player=here, start=1, tell=lambda _: None, bench=bench), asked


@pytest.mark.usefixtures("breaking")
def test_behind_one_that_the_bench_rejects_the_next_is_sought() -> None:
    found, asked = looked(100, False, False, True)
    assert len(asked) == 3
    assert found.found is not None
    assert found.found.week == asked[-1]
    assert [each.week for each in found.rejected] == asked[:2]
    assert found.tried < 100


@pytest.mark.usefixtures("breaking")
def test_weeks_behind_a_rejected_one_of_a_piece_are_tried_all_the_same() -> None:
    """A piece ends at its first breach: the budget is what is tried, not what pieces there were."""
    found, asked = looked(3 * PIECE)
    assert found.found is None
    assert found.tried == 3 * PIECE
    assert len(found.rejected) == len(asked) > 3


def called(monkeypatch: pytest.MonkeyPatch, path: Path, answer: Callable[..., Agreed], *words: str) -> Answer:
    monkeypatch.setattr("packbench.adversary.benching.agreed", answer)
    return packbench_here("adversary", "reference", "--weeks", 12, "--days", 1, "--out", path, *words)


@pytest.mark.usefixtures("breaking")
def test_where_nothing_counts_the_command_is_good_and_says_what_was_rejected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "test_found.py"
    done = called(monkeypatch, path, lambda *_: Agreed(False, "0.2 Wh below"))
    assert done.status == 0
    assert "reference: no breach in 12 weeks" in done.out
    assert "the bench rejected" in done.out
    assert "The bench does not agree: it counts not: 0.2 Wh below." in done.err
    assert not path.exists()
    told = json.loads(called(monkeypatch, path, lambda *_: Agreed(False, "no"), "--json").out)
    assert told["breach"] is told["file"] is None
    assert {each["bench"]["agrees"] for each in told["rejected"]} == {False}
    assert all(each["breach"]["kind"] == USED_UP for each in told["rejected"])


@pytest.mark.usefixtures("breaking")
def test_where_one_counts_the_command_has_failed_the_manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, answers = tmp_path / "test_found.py", iter((False, True))
    done = called(monkeypatch, path, lambda *_: Agreed(next(answers), "so"))
    assert done.status == 1
    assert "the bench rejected 1 of the plant model's" in done.out
    assert "The bench agrees, and the breach counts: so." in path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("breaking")
def test_a_bench_that_fails_has_neither_agreed_nor_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> Agreed:
        raise BenchFault("The supply is gone.", "link-lost")

    path = tmp_path / "test_found.py"
    done = called(monkeypatch, path, fails)
    assert done.status == 3
    assert "The supply is gone. It was to replay a breach" in done.err
    assert "No bench has been asked yet whether it agrees." in path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("breaking")
def test_without_a_bench_the_first_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "test_found.py"
    done = called(monkeypatch, path, lambda *_: pytest.fail("nobody was to be asked"), "--no-bench")
    assert done.status == 1
    assert "No bench has been asked yet whether it agrees." in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("who", "next_step"),
    [
        ("modbus:reference", "give 'reference' where that answers over HTTP, or judge it on a bench: pytest "),
        ("ocpp:reference", '--manager "ocpp:reference"'),
        ("wss://h:1/x", "has no wire ocpp, it asks over HTTP alone: give its http://HOST:PORT where"),
    ],
)
def test_a_manager_on_another_wire_is_told_where_it_can_be_judged(who: str, next_step: str) -> None:
    done = packbench_here("adversary", who, "--weeks", 1)
    assert done.status == 2
    assert next_step in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_one_at_an_address_is_not_spread_over_a_cluster() -> None:
    with manager(lambda _: {"power": 0}) as (address, _):
        done = packbench_here("adversary", address, "--weeks", 1, "--scheduler", "tcp://127.0.0.1:9")
    assert done.status == 2
    assert "a manager at an address is one, and a cluster is many: leave it out" in done.err


def test_a_piece_in_an_interpreter_of_its_own_is_as_it_is_here_and_leaves_nothing_behind(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outset = Outset("reference", 2, 1, 0, 1)
    assert apart(outset) == one(outset)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr("packbench.adversary.apart.sys.executable", shutil.which("false"))
    with pytest.raises(BenchFault, match="A process that searched weeks died"):
        apart(outset)
    assert list(tmp_path.iterdir()) == []


def test_what_a_piece_raises_is_raised_where_somebody_waits() -> None:
    with pytest.raises(InputError, match="nearest: reference"):
        apart(Outset("referense", 2, 1, 0, 1))
