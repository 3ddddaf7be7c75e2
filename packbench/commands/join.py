"""`packbench join`: the sessions of several jobs of a CI as one, for one report, one gate and one night."""

from pathlib import Path
from typing import Annotated

import typer

from bench.verdicts import ExitStatus, InputError
from packbench.commands.arguments import DEFAULT_RUNS, AsJson
from packbench.commands.report import RESULTS, Results, show_session
from packbench.console import print_json, say, warn


def join(
    jobs: Annotated[
        list[Path],
        typer.Argument(metavar="JOB...", help="Folder that a job ran pytest in: its runs/ and allure-results/."),
    ],
    runs: Annotated[
        Path, typer.Option("--runs", help="Folder of recordings that they go into; nights before stay.")
    ] = DEFAULT_RUNS,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Make one session of those of several jobs, for one report, gate and night; the exit status is their worst."""
    from packbench import joining

    try:
        session = joining.join(jobs, runs, results)
    except OSError as error:
        raise InputError(f"{error.filename or runs}: {error.strerror or error}; the jobs were not joined.") from error
    if as_json:
        print_json(session.as_dict())
    else:
        show_session(session)
        told = f"Joined {len(session.facts['jobs'])} of {len(jobs)} jobs in {runs}"
        say(f"{told}: `packbench report` and `packbench gate` tell of it.")
    for line in session.bench_lines() if session.unsafe else ():
        warn(line)
    raise typer.Exit(session.exit_status or ExitStatus.GOOD)
