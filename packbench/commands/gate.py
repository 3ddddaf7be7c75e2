"""`packbench gate`: whether a night may pass, by rules; for what comes after it in CI."""

from collections.abc import Mapping
from typing import Annotated

import typer

from bench.verdicts import InputError
from packbench.commands.arguments import DEFAULT_RUNS, AsJson, Runs
from packbench.commands.report import RESULTS, Results, last_session_of
from packbench.console import print_json, say

Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", help="A rule, again for each (default: all)."),
]
Without = Annotated[list[str] | None, typer.Option("--without", help="A rule that is left out, again for each.")]


def gate(
    folder: Runs = DEFAULT_RUNS,
    results: Results = RESULTS,
    rule: Rules = None,
    without: Without = None,
    baseline: Annotated[str, typer.Option("--baseline", help="A night that `packbench baseline` has named.")] = "",
    nights: Annotated[float, typer.Option("--nights", min=0, help="How near a limit may be, for limit-ahead.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Judge the last session by rules; 0 if each is kept, 3 if the bench broke one, else 1."""
    from reports import site
    from reports.nights.gate import RULES, Judged, judge, status

    _refuse_unknown([*(rule or ()), *(without or ())], list(RULES))
    idle = {name: option for name, option, given in (
        ("against-baseline", "--baseline", baseline), ("limit-ahead", "--nights", nights),
    ) if not given}  # fmt: skip
    unfounded = next((name for name in rule or () if name in idle), None)
    if unfounded is not None:
        raise InputError(f"--rule {unfounded} compares with nothing without {idle[unfounded]}; give that as well.")
    every = rule or [name for name in RULES if name not in idle]
    asked = [name for name in RULES if name in every and name not in (without or ())]
    if not asked:
        raise InputError("--without leaves no rule to judge by, and so no gate; leave some of it out.")
    session = last_session_of(folder)
    since = site.compared(folder, site.night_of(results, folder, session), baseline)
    found = judge(Judged(session, since.last, since.baseline, nights), asked)
    if as_json:
        print_json({"status": int(status(found)), "session": session.id, "started": session.started, "rules": found})
    else:
        _tell(found, f"{folder}, session of {session.started[:16].replace('T', ' ')} UTC")
    raise typer.Exit(status(found))


def _refuse_unknown(names: list[str], known: list[str]) -> None:
    from instruments.wording import nearest

    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise InputError(f"There is no rule {unknown!r} of the gate: {nearest(unknown, known)}.")


def _tell(found: Mapping[str, list[str]], night: str) -> None:
    from reports.nights.gate import RULES

    for name, sentences in found.items():
        say(f"{'BROKEN' if sentences else 'kept  '} {name}: {RULES[name].meaning}.")
        for sentence in sentences:
            say(f"         {sentence}")
    broken = sum(bool(sentences) for sentences in found.values())
    say(f"Gate of {night}: {f'{broken} of {len(found)} rules are broken' if broken else 'open'}.")
