"""`packbench report` and `packbench baseline`: the HTML of the last session, and what later ones are compared with."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import ExitStatus, InputError
from bench.whole import replacing
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, Runs
from packbench.console import print_json, say, warn

if TYPE_CHECKING:
    from bench.recording.session_log import Session


class Remember(StrEnum):
    """Which sessions later ones are compared with."""

    CLEAN = "clean"
    ALL = "all"
    NONE = "none"


Results = Annotated[Path, typer.Option("--results", help="Allure results that pytest left.")]
RESULTS = Path("allure-results")


def report(
    folder: Runs = DEFAULT_RUNS,
    results: Results = RESULTS,
    output: Annotated[Path, typer.Option("--output", help="Folder of the HTML report.")] = Path("allure-report"),
    history: Annotated[
        Remember,
        typer.Option(
            "--history",
            help="Which sessions later ones are compared with: all, none, or those without seeded defects "
            "and local changes.",
        ),
    ] = Remember.CLEAN,
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            help="Compare with a night that `packbench baseline` has named, too.",
        ),
    ] = "",
    single: Annotated[Path | None, typer.Option("--single-file", help="Write the front page as one file, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the HTML report of the last session; the exit status is its verdict."""
    from reports import site

    session = last_session_of(folder)
    built = site.build(results, output, folder, session, site.Past(history, baseline))
    if single is not None:
        _write_single(built.index, single)
    if as_json:
        print_json({
            "index": built.index, "allure": built.allure, "problem": built.problem, **session.as_dict(),
        })  # fmt: skip
    else:
        show_session(session)
        say(f"Open {built.index}")
    if built.problem:
        say(f"packbench: {built.problem}", err=True)
    for line in session.bench_lines() if session.unsafe else ():
        warn(line)
    raise typer.Exit(session.exit_status or ExitStatus.GOOD)


def _write_single(index: Path, target: Path) -> None:
    from reports.single import single_file

    try:
        with replacing(target) as partial:
            partial.write_text(single_file(index), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--single-file={target}: {error.strerror or error}; name another file.") from error


def baseline(
    name: Annotated[str, typer.Argument(help="What it is to be called: a release, a fleet, a date.")],
    folder: Runs = DEFAULT_RUNS,
    results: Results = RESULTS,
) -> None:
    """Keep the last session under a name, to compare later ones with it: `packbench report --baseline NAME`."""
    from reports import site
    from reports.nights.store import History

    night = site.night_of(results, folder, last_session_of(folder))
    if night is None:
        raise InputError(f"The last session of {folder} had no run, so that nothing could be compared with it.")
    History(folder, night.station).keep_as(name, night)
    say(f"Baseline {name}: the session of {night.day} UTC on {night.station}, {len(night.tests)} tests.")


def last_session_of(folder: Path) -> "Session":
    """The newest session; raises `InputError` where there is none."""
    from bench.recording.session_log import last_session, settled

    last = last_session(folder)
    if last is None:
        raise InputError(
            f"{folder}: no session has been recorded there, so there is nothing to report; run pytest first."
        )
    return settled(last, folder)


def show_session(session: "Session") -> None:
    """What the terminal of the session said at its end, and when that was."""
    ended = f", ended {session.ended[:16].replace('T', ' ')}" if session.ended else ""
    say(f"Session of {session.started[:16].replace('T', ' ')} UTC{ended}.")
    if session.unfinished:
        say(session.unfinished)
    if session.trouble:
        say(f"packbench: {session.trouble}")
    say(session.counts_line())
    for line in () if session.unsafe else session.bench_lines():
        say(line)
