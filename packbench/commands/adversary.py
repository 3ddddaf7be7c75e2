"""`packbench adversary`: searches days at home for the smallest breach of an energy manager's word."""

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import ExitStatus, InputError
from packbench.commands.arguments import AsJson
from packbench.console import fields_of, print_json, say

if TYPE_CHECKING:
    from packbench.adversary.benching import Agreed
    from packbench.adversary.search import Found


def adversary(
    manager: Annotated[
        str, typer.Argument(metavar="MANAGER", help="A name, http://HOST:PORT, or a command in quotes.")
    ],
    weeks: Annotated[int, typer.Option("--weeks", min=1, help="How many weeks to try.")] = 500,
    days: Annotated[int, typer.Option("--days", min=1, max=7, help="Days of the longest week.")] = 7,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes; a URL is one manager, and has one.")] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same finds the same.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="Test file to write (default: by manager).")] = None,
    bench: Annotated[
        bool, typer.Option("--bench/--no-bench", help="Replay a breach on the full bench before it counts.")
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
    alone = manager.startswith("http")
    with TemporaryDirectory() as folder:
        # Hypothesis leaves a folder of its own wherever it is called, in every process.
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", folder)
        found = search(
            manager, budget=weeks, jobs=1 if alone else jobs, start=seed, tell=lambda line: say(line, err=True),
            days=days,
        )  # fmt: skip
    agreed = _on_the_bench(found) if bench else None
    _show(found, _write(found, out, agreed), agreed, as_json=as_json)
    # A breach with which no bench agrees does not count, and the manager has not been cleared of it either.
    raise typer.Exit(ExitStatus.FAILED if found.breach else ExitStatus.GOOD)


def _on_the_bench(found: "Found") -> "Agreed | None":
    """What the full bench says of the breach; None where there is none."""
    from packbench.adversary.benching import agreed

    if found.week is None or found.breach is None:
        return None
    say("A breach: it is replayed on the full bench before it counts.", err=True)
    with TemporaryDirectory() as folder:
        return agreed(found.week, found.manager, found.breach, Path(folder))


def _words(agreed: "Agreed | None") -> str:
    if agreed is None:
        return "No bench has been asked yet whether it agrees."
    verdict = "The bench agrees, and the breach counts" if agreed.agrees else "The bench does not agree: it counts not"
    return f"{verdict}: {agreed.text}."


def _write(found: "Found", out: Path | None, agreed: "Agreed | None") -> Path | None:
    from packbench.adversary.replaying import written

    if found.week is None or found.breach is None:
        return None
    name = re.sub(r"[^a-z0-9]+", "_", found.manager.lower()).strip("_")[:40]
    path = out or Path(f"test_breach_{name}.py")
    try:
        text = written(found.week, found.manager, found.breach, agreed=_words(agreed), file=path.name)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}.") from error
    return path


def _show(found: "Found", path: Path | None, agreed: "Agreed | None", *, as_json: bool) -> None:
    if as_json:
        print_json({**fields_of(found), "file": path, "bench": None if agreed is None else fields_of(agreed)})
        return
    each = f"{found.tried} weeks in {found.seconds:.0f} s, {found.seconds / found.tried:.2f} s each"
    if found.breach is None:
        say(f"{found.manager}: no breach in {each}.")
        return
    say(f"{found.manager}: {found.breach.kind}, after {each}.")
    say(found.breach.text)
    say(_words(agreed))
    say(f"It is replayed by: pytest {path} --station virtual-vehicle")
