"""`packbench export`: a run's samples for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from bench.recording.export import Format
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, RunName, RunsOption
from packbench.commands.recorded import load, used
from packbench.console import print_json, say


def export(
    run: RunName,
    to: Annotated[
        Format, typer.Option("--to", help="bdf: Battery Data Format columns only; csv, parquet: every column.")
    ],
    output: Annotated[Path | None, typer.Option("--output", help="File or folder to write to (default: here).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    folder: RunsOption = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Write a run's samples for other programs; also those of a run that died."""
    from bench.recording import companion
    from bench.recording.export import destination
    from bench.recording.export import export as write

    with used(run):
        recording = load(run, folder)
        path = destination(output, recording.manifest["run_id"], to)
        write(recording.columns, recording.rows, to, path, force=force)
        beside = None
        if to is Format.BDF:
            beside = companion.write(path, recording.manifest, recording.events, recording.columns, recording.rows)
    count = len(recording.rows)
    if as_json:
        print_json({
            "run_id": recording.manifest["run_id"], "format": to, "file": path.as_posix(), "rows": count,
            "companion": beside, "damage": recording.damage,
        })  # fmt: skip
    else:
        say(f"{path}: {count} samples.")
        if beside:
            say(f"{beside}: steps, events and the columns that the Battery Data Format has no name for.")
