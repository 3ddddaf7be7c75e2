"""`packbench adversary`: searches days at home for the smallest breach of an energy manager's word."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import BenchFault, ExitStatus, InputError
from packbench.commands.arguments import AsJson
from packbench.console import fields_of, print_json, say

if TYPE_CHECKING:
    from packbench.adversary.benching import Agreed
    from packbench.adversary.referee import Breach
    from packbench.adversary.search import Candidate, Found
    from packbench.adversary.space import Week
    from packbench.players import Player

UNASKED = "No bench has been asked yet whether it agrees."
DAY = 25.0
"""s of this computer for a managed day on the bench (`benchmarks/managing.py`), so that nobody thinks that it hangs."""


def adversary(  # noqa: PLR0913, PLR0917 - each is an option of the command
    manager: Annotated[
        str, typer.Argument(metavar="MANAGER", help="A name, http://HOST:PORT, or a command in quotes.")
    ],
    weeks: Annotated[int, typer.Option("--weeks", min=1, help="How many weeks to try.")] = 500,
    days: Annotated[int, typer.Option("--days", min=1, max=7, help="Days of the longest week.")] = 7,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes; a URL is one manager, and has one.")] = 2,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Dask scheduler, tcp://host:8786.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same finds the same.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="Test file to write (default: by manager).")] = None,
    bench: Annotated[
        bool, typer.Option("--bench/--no-bench", help="Replay each breach on the full bench before it counts.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Search weeks for the smallest breach of a manager's word, and leave it as a test that replays it."""
    try:
        from packbench.adversary import managers
        from packbench.adversary.search import search
    except ModuleNotFoundError as error:
        raise InputError(f"The adversary needs {error.name}: python3 -m pip install 'packbench[v2x]'.") from error
    with managers.opened(manager):
        pass  # who is not there is told before anything is searched
    player = _player(scheduler, jobs, alone=managers.is_address(manager))
    path = out or Path(f"test_breach_{re.sub(r'[^a-z0-9]+', '_', manager.lower()).strip('_')[:40]}.py")
    found = search(
        manager, budget=weeks, player=player, start=seed, tell=lambda line: say(line, err=True), days=days,
        bench=_Bench(manager, path).asked if bench else None,
    )  # fmt: skip
    if found.found is not None:
        _write(path, manager, found.found.week, found.found.breach, _words(found.found.bench))
    _show(found, path, as_json=as_json)
    raise typer.Exit(ExitStatus.FAILED if found.found else ExitStatus.GOOD)


def _player(scheduler: str | None, jobs: int, *, alone: bool) -> "Player":
    from bench.recording.run import versions
    from packbench.adversary.search import NAMED
    from packbench.players import cluster, processes

    if scheduler is None:
        return processes(NAMED, 1 if alone else jobs)
    if alone:
        raise InputError(
            f"--scheduler {scheduler}: a manager at an address is one, and a cluster is many: leave it out, or give a "
            "name or a command, of which each worker starts its own."
        )
    return cluster(NAMED, scheduler, versions()["packbench"])


class _Bench:
    """Asks the full bench of a breach; what it had no answer to is left at `path`."""

    def __init__(self, manager: str, path: Path) -> None:
        self._manager, self._path = manager, path

    def asked(self, week: "Week", breach: "Breach") -> "Agreed":
        """Replay; raises `BenchFault` where the bench failed."""
        from packbench.adversary.benching import agreed

        long = f"{week.days} day{'s' * (week.days > 1)}, some {week.days * DAY:.0f} s"
        say(f"{breach.kind}: it is replayed on the full bench before it counts: {long}.", err=True)
        with TemporaryDirectory() as folder:
            try:
                found = agreed(week, self._manager, breach, Path(folder))
            except BenchFault as error:
                _write(self._path, self._manager, week, breach, UNASKED)
                raise BenchFault(
                    f"{error} It was to replay a breach, which counts neither way before it has: pytest {self._path} "
                    "--station virtual-vehicle", error.fault,
                ) from error  # fmt: skip
        if not found.agrees:
            say(_words(found), err=True)
        return found


def _words(agreed: "Agreed | None") -> str:
    if agreed is None:
        return UNASKED
    verdict = "The bench agrees, and the breach counts" if agreed.agrees else "The bench does not agree: it counts not"
    return f"{verdict}: {agreed.text}."


def _write(path: Path, manager: str, week: "Week", breach: "Breach", words: str) -> None:
    """Leave the test that replays a breach; raises `InputError` where it cannot be written."""
    from packbench.adversary.replaying import written

    try:
        path.write_text(written(week, manager, breach, agreed=words, file=path.name), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}.") from error


def _show(found: "Found", path: Path, *, as_json: bool) -> None:
    counted = found.found
    if as_json:
        print_json({
            "manager": found.manager, "tried": found.tried, "seconds": found.seconds, **_told(counted),
            "file": None if counted is None else path, "rejected": [_told(each) for each in found.rejected],
        })  # fmt: skip
        return
    each = f"{found.tried} weeks in {found.seconds:.0f} s, {found.seconds / found.tried:.2f} s each"
    if found.rejected:
        each += f"; the bench rejected {len(found.rejected)} of the plant model's, which count not"
    if counted is None:
        say(f"{found.manager}: no breach in {each}.")
        return
    say(f"{found.manager}: {counted.breach.kind}, after {each}.")
    say(counted.breach.text)
    say(_words(counted.bench))
    say(f"It is replayed by: pytest {path} --station virtual-vehicle")


def _told(candidate: "Candidate | None") -> dict[str, object]:
    """Week, breach and what the bench said, as JSON has them."""
    if candidate is None:
        return {"week": None, "breach": None, "bench": None}
    return {name: None if value is None else fields_of(value) for name, value in (
        ("week", candidate.week), ("breach", candidate.breach), ("bench", candidate.bench),
    )}  # fmt: skip
