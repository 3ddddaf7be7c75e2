"""`packbench fit`: a cell file from somebody's own records, and how far it, or any other cell, is from them."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import InputError
from bench.whole import refuse_no_file
from packbench.console import print_json, print_table, say

if TYPE_CHECKING:
    from fitting.measure import Figures
    from fitting.run import Result

Recordings = Annotated[
    list[Path],
    typer.Argument(
        metavar="RECORDING…",
        help="Records of one cell: Battery Data Format, CSV or Parquet, or whatever of a cycler's `packbench judge` "
        "reads; or runs of a pack (folder, id, or what `packbench export --to bdf` wrote), of which the mean cell is "
        "fitted.",
    ),
]
CellName = Annotated[
    str, typer.Option("--cell", help="Name of the new cell; its file is NAME.yaml, here or at --output.")
]
Like = Annotated[
    str | None,
    typer.Option(
        "--like", help="Cell that it resembles, whose values stand where records say nothing (default: nearest)."
    ),
]
Anode = Annotated[
    str | None,
    typer.Option(
        "--anode", metavar="SET",
        help="Parameters of its negative electrode, one that ships or a .yaml: by them plating is judged. No record "
        "tells them: without it the cell's plating margin is not known.",
    ),
]  # fmt: skip
HoldOut = Annotated[
    list[Path] | None, typer.Option("--hold-out", help="A record that is compared and not fitted; may be repeated.")
]
Output = Annotated[Path | None, typer.Option("--output", help="File to write (default: NAME.yaml).")]
Picture = Annotated[Path | None, typer.Option("--picture", help="Picture to draw (default: beside the cell, .png).")]
Measure = Annotated[
    bool, typer.Option("--measure", help="Fit nothing: say how far the cell of that name or file is from the records.")
]
Air = Annotated[
    list[str] | None,
    typer.Option(
        "--temperature", metavar="°C",
        help="Of the air around the cell, where records have none: 25 for all, cold.csv=-10 for one; may be repeated.",
    ),
]  # fmt: skip
Source = Annotated[str | None, typer.Option("--source", help="Where the records come from, for the file's sources.")]


def fit(  # noqa: PLR0913, PLR0917 - each is an option of the command
    recordings: Recordings,
    cell: CellName,
    like: Like = None,
    anode: Anode = None,
    hold_out: HoldOut = None,
    temperature: Air = None,
    output: Output = None,
    picture: Picture = None,
    source: Source = None,
    pairs: Annotated[int, typer.Option("--pairs", min=2, max=3, help="RC pairs.")] = 3,
    measure: Measure = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")] = False,
) -> None:
    """Make a cell file from records of one cell: pulses, drive cycles, charges and discharges at several temperatures.

    Every fifth ten minutes of each record are held out, and their error is shown apart.
    """
    from fitting import picture as pictures
    from fitting import run
    from fitting.records import RecordError
    from models.cell import CellFileError, load_cell
    from packbench.cell_records import Temperatures, load_cell_records

    if measure and anode is not None:
        raise InputError("--measure writes no cell, and --anode says what is to be written: leave one of them out.")
    try:
        electrode = _as_written(anode, output or Path(f"{cell}.yaml"))
        told = Temperatures.parse(temperature or (), [*recordings, *(hold_out or ())])
        records, held_out = (load_cell_records(each, told=told) for each in (recordings, hold_out or ()))
        if measure:
            found, path = run.measure(load_cell(cell), records, held_out), None
        else:
            path = _free(output or Path(f"{cell}.yaml"), force=force)
            origin = source or _names([record.name for record in records])
            chosen = like or run.nearest_cell(records)
            task = run.Task(
                records, cell, chosen, origin, held_out, assume=like is not None, pairs=pairs, anode=electrode
            )
            found = run.fit(task, path, _tell)
    except (RecordError, CellFileError) as error:
        raise InputError(str(error)) from error
    drawn = picture or (path.with_suffix(".png") if path else None)
    if drawn is not None:
        pictures.draw(found, drawn)
    _show(found, path, drawn, as_json=as_json)


def _names(records: Sequence[str]) -> str:
    """How many records there are, and what the first of them are called."""
    more = ", …" if len(records) > NAMED else ""
    return f"{len(records)} record{'s' * (len(records) != 1)} ({', '.join(records[:NAMED])}{more})"


def _as_written(anode: str | None, path: Path) -> str | None:
    """A set as the cell at `path` names it, a file by the way from there; raises `CellFileError` for a wrong one."""
    from models.anode import load_anode
    from models.shipped import is_file

    if anode is None:
        return None
    load_anode(anode)  # now: a fit takes minutes
    return Path(os.path.relpath(anode, path.parent)).as_posix() if is_file(anode) else anode


def _free(path: Path, *, force: bool) -> Path:
    refuse_no_file(path)
    if not path.absolute().parent.is_dir():
        raise InputError(f"--output {path}: there is no folder {path.parent} to write it into; make that first.")
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; give another --output, or --force to replace it.")
    return path


def _tell(number: int, most: int) -> None:
    """Only where somebody watches: a log has no use for it."""
    if sys.stderr.isatty():
        say(f"fitting: round {number} of {most} at most", err=True)


def _show(found: "Result", path: Path | None, drawn: Path | None, *, as_json: bool) -> None:
    rows, (farthest, away) = found.by_temperature, found.farthest
    if as_json:
        print_json({
            "cell": found.cell.name, "file": path, "picture": drawn, "assumed": list(found.cell.assumed),
            "anode": found.cell.anode,
            "errors": [asdict(each) for each in rows], "farthest": {"record": farthest, "rmse": away},
            "cautions": found.cautions,
        })  # fmt: skip
        return
    print_table(f"{found.cell.name} against its records", HEADER, map(_row, rows))
    say(f"Farthest off: {farthest}, {1e3 * away:.1f} mV (RMSE).")
    for sentence in found.cautions:
        say(f"NOTE     {sentence}")
    say(f"Assumed: {', '.join(found.cell.assumed) or 'nothing'}.")
    say(f"Anode: {found.cell.anode or UNKNOWN_ANODE}.")
    for what, where in (("Cell", path), ("Picture", drawn)):
        if where is not None:
            say(f"{what}: {where}")


NAMED = 4
"""Records that a file's sources name, at most."""
UNKNOWN_ANODE = "none is known, so the plating margin of this cell is not either (--anode SET gives it one)"
HEADER = (
    "test",
    "rows",
    "RMSE",
    "worst",
    "held-out RMSE",
    "held-out worst",
    "capacity",
    "10 s resistance",
    "its worst",
)


def _row(figures: "Figures") -> tuple[str, ...]:
    volts = (figures.rmse, figures.worst, figures.held_out_rmse, figures.held_out_worst)
    shares = (figures.capacity, figures.resistance, figures.resistance_worst)
    return (
        figures.name,
        str(figures.rows),
        *("" if value is None else f"{1e3 * value:.1f} mV" for value in volts),
        *("" if value is None else f"{100 * value:+.1f} %" for value in shares),
    )
