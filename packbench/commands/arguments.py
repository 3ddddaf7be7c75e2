"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_RUNS = Path("runs")

Runs = Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the recordings.")]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Folder of a run, a file in it, or its id as `packbench runs` shows it.")
]
RunOrFile = Annotated[
    str,
    typer.Argument(
        metavar="RUN|FILE",
        help="Folder of a run, a file in it, or its id as `packbench runs` shows it; or another program's recording.",
    ),
]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder that a run's id is looked up in.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
