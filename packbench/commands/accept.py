"""`packbench accept`: keep the figures of runs as what a specimen is held against from now on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.verdicts import InputError
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, RunsOption
from packbench.console import fields_of, print_json, say

Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs of one specimen: folders, or ids.")]
Folder = Annotated[
    Path | None,
    typer.Option("--accepted", help="Folder of the accepted figures, one file per specimen (default: accepted)."),
]


def accept(runs: Runs, folder: RunsOption = DEFAULT_RUNS, accepted: Folder = None, as_json: AsJson = False) -> None:
    """Accept runs of a specimen: its later figures are held against theirs, beside the limits of its type."""
    from bench.accepted import FOLDER, AcceptedFile, file_of, read, write
    from bench.clock import utc_now
    from reports.specimen import acceptable

    manifests = [_manifest(run, folder) for run in runs]
    pack, serial = _specimen(manifests)
    file = file_of(accepted or FOLDER, pack, serial)
    before = read(file, pack, serial)
    kept = before.renewed([value for manifest in manifests for value in acceptable(manifest)])
    write(file, AcceptedFile(schema=1, pack=pack, serial_number=serial, accepted=utc_now(), values=kept.values))
    news = [value for value in kept.values if value not in before.values]
    if as_json:
        print_json({"file": file.as_posix(), "accepted": [fields_of(value) for value in news]})
        return
    say(f"{file}: {len(kept.values)} figures of {pack}, {serial}; of these runs:")
    for value in news:
        old = before.find(*value.place)
        say(f"  {value}{f' (before: {old.value:.6g})' if old else ''}")


def _manifest(run: str, folder: Path) -> Mapping[str, Any]:
    """The manifest of a run; raises `InputError` for one whose recording is damaged."""
    from bench.recording.runs import find_run
    from reports.recording import Recording

    recording = Recording.load(find_run(run, folder))
    if recording.damage:
        raise InputError(f"Run {recording.manifest['run_id']} is damaged and cannot be accepted: {recording.damage[0]}")
    return recording.manifest


def _specimen(manifests: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Name and serial number of the pack of all these runs; raises `InputError` for several."""
    found = {(each["pack"]["name"], each["pack"].get("serial_number", "unknown")): each["run_id"] for each in manifests}
    if len(found) > 1:
        told = " and ".join(f"{run} of {pack}, {serial}" for (pack, serial), run in found.items())
        raise InputError(f"These runs are of several specimens ({told}): accept those of one at a time.")
    return next(iter(found))
