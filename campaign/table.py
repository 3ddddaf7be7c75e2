"""The tables of the campaign: one per file of the catalogue, one line per fault and what came of it.

Phases with the same outcome share a line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table

from campaign.catalogue import PHASES, USUAL
from campaign.outcome import CaseOutcome, wrongly_blamed

HEADER = ("Fault", "Phase", "Noticed", "By", "As", "Outputs off after", "Blamed", "Data lost", "Verdict")
NOTHING = "-"
INTRODUCTION = """\
# The fault campaign

Written by `tox run -e faults -- --write-table`; `campaign/faults/` has every fault, how it is injected and what is
expected of it, `campaign/` how it is looked at. A bench on the virtual clock is told about in bench time, a process on
the wall clock. Each table below is a file of that folder.

- **Noticed**: *ended*, the run ended with a cause that names the fault; *warned*, it went on and said so; *told*, the
  bench verdict says what could not be verified; *no*, nobody noticed. What is meant to do no harm may go unnoticed.
- **By**: the layer, in the words of `bench/safety/faults.yaml`; **As**: the fault's id there.
- **Outputs off after**: from the injection until no output was on and no current flowed any more, as seen at the
  terminals and not through any driver; over several phases, the longest. *at the end*: the run went on as planned.
  *told*: the bench verdict says what could not be verified, which need not be an output (a chamber, a contactor).
  *ON*: physics or a dead link forbids it; *no current*: a contactor keeps it from the battery.
- **Data lost**: between the last recorded sample and the end of the run.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `bad` when one of its cases is not as expected."""

    cells: tuple[str, ...]
    bad: bool


def sections(outcomes: Iterable[CaseOutcome]) -> list[tuple[str, list[Line]]]:
    """The tables by the group of their faults: groups and faults by name, phases in their order."""
    ordered = sorted(outcomes, key=lambda case: (case.group, case.fault, _place(case.phase)))
    return [(group, lines(list(cases))) for group, cases in groupby(ordered, key=lambda case: case.group)]


def lines(outcomes: Iterable[CaseOutcome]) -> list[Line]:
    """One table, in the order of faults and phases."""
    ordered = sorted(outcomes, key=lambda case: (case.fault, _place(case.phase)))
    made = []
    for _, of_a_fault in groupby(ordered, key=lambda case: case.fault):
        alike: dict[tuple[object, ...], list[CaseOutcome]] = {}
        for case in of_a_fault:
            alike.setdefault(_kind(case), []).append(case)
        made += [_line(cases) for cases in alike.values()]
    return made


def _place(phase: str) -> tuple[int, str]:
    """Where a phase stands: ours in their order, then steps by their names."""
    return (PHASES.index(phase), "") if phase in PHASES else (len(PHASES), phase)


def _kind(case: CaseOutcome) -> tuple[object, ...]:
    return (
        case.noticed,
        case.layer,
        case.named,
        case.blame,
        case.off,
        case.isolated,
        case.told,
        case.verdict,
        bool(case.problems),
    )


def _line(cases: Sequence[CaseOutcome]) -> Line:
    first = cases[0]
    phases = [case.phase for case in cases]
    lost = max((case.lost for case in cases if case.lost is not None), default=None)
    cells = (
        first.words,
        "every" if set(phases) == set(USUAL) else ", ".join(phases),
        first.noticed,
        first.layer or NOTHING,
        first.named or NOTHING,
        _outputs(cases),
        first.blame or NOTHING,
        NOTHING if lost is None else _seconds(lost),
        first.verdict,
    )
    return Line(cells, any(case.problems for case in cases))


def _outputs(cases: Sequence[CaseOutcome]) -> str:
    first = cases[0]
    longest = max(case.off_after or 0.0 for case in cases)
    if not first.off:
        words = "ON, no current" if first.isolated else "ON"
    elif first.noticed != "ended":
        words = "at the end"  # the run went on as planned: when it ended says nothing about the fault
    else:
        words = "were off" if longest == 0 else _seconds(longest)
    return words + (", told" if first.told else "")


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 100 else f"{value:.1f} s"


def summary(outcomes: Sequence[CaseOutcome]) -> str:
    """The line that counts."""
    dangerous = [case for case in outcomes if case.dangerous]
    on = [case for case in outcomes if not case.off]
    silent = [case for case in on if not case.told]
    undetected = sum(case.undetected for case in dangerous)
    told = "operator told each time" if not silent else f"{len(silent)} without a word to the operator"
    return (
        f"{_faults(outcomes)} in {len(outcomes)} cases, {len(dangerous)} of them dangerous: "
        f"dangerous and undetected {undetected}, wrong blame {len(wrongly_blamed(outcomes))}, "
        f"inconclusive {sum(case.undecided for case in outcomes)}, "
        f"an output still on {len(on)} ({told}), "
        f"bench not verified safe {sum(case.told for case in outcomes)}, "
        f"not as expected {sum(bool(case.problems) for case in outcomes)}."
    )


def _faults(outcomes: Sequence[CaseOutcome]) -> str:
    """How many faults of which kind; of the pack's, how many ended in every case as failed, with the place named."""
    kinds = {case.fault: case.kinds for case in outcomes}
    missed = {case.fault for case in outcomes if case.verdict != "FAIL" or case.problems}
    failed = sum("pack fault" in found and fault not in missed for fault, found in kinds.items())

    def count(kind: str) -> int:
        return sum(kind in found for found in kinds.values())

    return (
        f"{len(kinds)} faults ({count('double')} double, {count('intermittent')} intermittent, "
        f"{count('found or left')} of how the bench is found or left, {count('pack fault')} of the pack, "
        f"{failed} of which failed it and named the place)"
    )


def problems(outcomes: Iterable[CaseOutcome]) -> list[str]:
    """Everything that is not as expected, as sentences."""
    return [f"{case.fault}, {case.phase}: {problem}." for case in outcomes for problem in case.problems]


def markdown(outcomes: Sequence[CaseOutcome], seed: int) -> str:
    """The page of the documentation."""
    found = "".join(f"- {problem}\n" for problem in problems(outcomes))
    open_ends = f"\n## Not as expected\n\n{found}" if found else ""
    tables = "".join(f"\n## {group.capitalize()}\n\n{_markdown(made)}" for group, made in sections(outcomes))
    return f"{INTRODUCTION}\n{summary(outcomes)} Seed {seed}.\n{open_ends}{tables}"


def _markdown(made: Iterable[Line]) -> str:
    rows = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    rows += ["| " + " | ".join(line.cells) + " |" for line in made]
    return "\n".join(rows) + "\n"


def show(outcomes: Sequence[CaseOutcome], console: Console) -> None:
    """Print the tables, what is not as expected, and the line that counts."""
    for group, made in sections(outcomes):
        table = Table(*HEADER, title=group)
        for line in made:
            table.add_row(*line.cells, style="red" if line.bad else None)
        console.print(table)
    for problem in problems(outcomes):
        console.print(problem, markup=False, highlight=False)
    console.print(summary(outcomes), highlight=False)
