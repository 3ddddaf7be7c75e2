"""`packbench picture`: what a report draws of a run, as a file by itself."""

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import InputError
from bench.whole import replacing
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, RunName, RunsOption
from packbench.commands.recorded import load, used
from packbench.console import print_json, say

if TYPE_CHECKING:
    from reports.pictures import Picture
    from reports.recording import Recording


def picture(
    run: RunName,
    output: Annotated[
        Path | None, typer.Option("--output", help="PNG file to write, or a folder (default: here, by their names).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    folder: RunsOption = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Draw the managed days, the driven roads and the round trips of a run, each as a PNG file."""
    with used(run):
        drawn = _drawn(load(run, folder), run)
        paths = _paths(drawn, output, force=force)
        for each, path in zip(drawn, paths, strict=True):
            _write(each, path)
    if as_json:
        print_json([{"name": each.name, "file": path.as_posix()} for each, path in zip(drawn, paths, strict=True)])
        return
    for each, path in zip(drawn, paths, strict=True):
        say(f"{path}: {each.name}, {len(each.png) / 1000:.0f} kB.")


def _drawn(recording: "Recording", run: str) -> "list[Picture]":
    """Everything that can be drawn; raises `InputError` where there is nothing."""
    from reports import loss_map, managed_days, round_trips

    kinds = (managed_days, loss_map, round_trips)
    found = list(chain.from_iterable(each.pictures(recording) for each in kinds))
    drawn = [each for each in found if each.png]
    if not drawn:
        why = found[0].why if found else "no step of it was managed, none went over a road, and none there and back"
        raise InputError(f"There is no picture of {run!r}: {why.rstrip('.')}.")
    return drawn


def _paths(drawn: "Sequence[Picture]", output: Path | None, *, force: bool) -> list[Path]:
    """Where each goes, before any is written; two that are called alike are told apart by a number."""
    if output is not None and output.suffix == ".png":
        if len(drawn) > 1:
            raise InputError(f"--output {output}: the run has several pictures; give a folder.")
        paths = [output]
    else:
        names = [re.sub(r"[^a-z0-9]+", "-", each.name.lower()).strip("-") for each in drawn]
        before = [names[:at].count(name) for at, name in enumerate(names)]
        paths = [
            (output or Path()) / (f"{name}-{count + 1}.png" if count else f"{name}.png")
            for name, count in zip(names, before, strict=True)
        ]
    there = next((path for path in paths if path.exists()), None)
    if there is not None and not force:
        raise InputError(f"--output {there}: it is there already; name another one, or add --force.")
    return paths


def _write(drawn: "Picture", path: Path) -> None:
    try:
        with replacing(path) as partial:
            partial.write_bytes(drawn.png)
    except OSError as error:
        raise InputError(f"--output {path}: {error.strerror}.") from error
