"""`packbench prune`: makes room among recordings, and says what stays and why."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from packbench.commands.arguments import DEFAULT_RUNS, AsJson, Runs
from packbench.console import print_json, say

if TYPE_CHECKING:
    from packbench.pruning import Pruning


def prune(
    folder: Runs = DEFAULT_RUNS,
    last: Annotated[int, typer.Option("--keep-last", min=0, help="Runs of each test that stay.")] = 30,
    nights: Annotated[int, typer.Option("--keep-nights", min=0, help="Nights of history whose runs stay.")] = 30,
    failures: Annotated[bool, typer.Option("--failures", help="Let go of those that did not pass, too.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; without it they are only counted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which recordings may go, or delete them: never a failure, the last ones of a test, or what history shows."""
    from packbench.pruning import plan

    planned = plan(folder, last=last, nights=nights, failures=failures)
    if delete:
        for number, run in enumerate(planned.carry_out(), 1):
            if not as_json:
                say(f"{number}/{len(planned.goes)} deleted {run.run_id}", err=True)
    if as_json:
        print_json({
            "deleted": delete, "bytes": planned.size, "goes": [run.run_id for run in planned.goes],
            "stays": {kept.run.run_id: kept.why for kept in planned.stays},
        })  # fmt: skip
    else:
        _tell(planned, deleted=delete)


def _tell(planned: "Pruning", *, deleted: bool) -> None:
    for why, count in Counter(kept.why for kept in planned.stays).most_common():
        say(f"{count:6d} stay: {why}")
    what = f"{len(planned.goes)} of {len(planned.goes) + len(planned.stays)} runs, {planned.size / 1e6:.1f} MB"
    if deleted:
        say(f"Deleted {what}.")
    else:
        say(f"Could go: {what}.{' `packbench prune --delete` deletes them.' if planned.goes else ''}")
