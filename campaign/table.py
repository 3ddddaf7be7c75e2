"""The table of the campaign: one line per fault and what came of it, phases with the same outcome in one line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table

from campaign.catalogue import LEVELS, PHASES, USUAL
from campaign.outcome import Outcome, wrongly_blamed

HEADER = ("Level", "Fault", "Phase", "Noticed", "By", "As", "Outputs off after", "Blamed", "Data lost", "Verdict")
NOTHING = "-"
INTRODUCTION = """\
# The fault campaign

Written by `tox run -e faults -- --write-table`; `campaign/faults.yaml` has every fault, how it is injected and what is
expected of it, `campaign/` how it is looked at. A bench on the virtual clock is told about in bench time, a process on
the wall clock.

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


def lines(outcomes: Iterable[Outcome]) -> list[Line]:
    """The table, in the order of levels, faults and phases."""
    ordered = sorted(
        outcomes, key=lambda case: (LEVELS.index(case.level), case.fault, PHASES.index(case.phase))
    )  # fmt: skip
    made = []
    for _, of_a_fault in groupby(ordered, key=lambda case: (case.level, case.fault)):
        alike: dict[tuple[object, ...], list[Outcome]] = {}
        for case in of_a_fault:
            alike.setdefault(_kind(case), []).append(case)
        made += [_line(cases) for cases in alike.values()]
    return made


def _kind(case: Outcome) -> tuple[object, ...]:
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


def _line(cases: Sequence[Outcome]) -> Line:
    first = cases[0]
    phases = [case.phase for case in cases]
    lost = max((case.lost for case in cases if case.lost is not None), default=None)
    cells = (
        first.level,
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


def _outputs(cases: Sequence[Outcome]) -> str:
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


def summary(outcomes: Sequence[Outcome]) -> str:
    """The line that counts."""
    dangerous = [case for case in outcomes if case.dangerous]
    on = [case for case in outcomes if not case.off]
    silent = [case for case in on if not case.told]
    faults = len({case.fault for case in outcomes})
    undetected = sum(case.undetected for case in dangerous)
    told = "operator told each time" if not silent else f"{len(silent)} without a word to the operator"
    return (
        f"{faults} faults in {len(outcomes)} cases, {len(dangerous)} of them dangerous: "
        f"dangerous and undetected {undetected}, wrong blame {len(wrongly_blamed(outcomes))}, "
        f"an output still on {len(on)} ({told}), "
        f"bench not verified safe {sum(case.told for case in outcomes)}, "
        f"not as expected {sum(bool(case.problems) for case in outcomes)}."
    )


def problems(outcomes: Iterable[Outcome]) -> list[str]:
    """Everything that is not as expected, as sentences."""
    return [f"{case.fault}, {case.phase}: {problem}." for case in outcomes for problem in case.problems]


def markdown(outcomes: Sequence[Outcome], seed: int) -> str:
    """The page of the documentation."""
    rows = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    rows += ["| " + " | ".join(line.cells) + " |" for line in lines(outcomes)]
    found = "".join(f"- {problem}\n" for problem in problems(outcomes))
    open_ends = f"\n## Not as expected\n\n{found}" if found else ""
    return f"{INTRODUCTION}\n{summary(outcomes)} Seed {seed}.\n{open_ends}\n" + "\n".join(rows) + "\n"


def show(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print the table, what is not as expected, and the line that counts."""
    table = Table(*HEADER)
    for line in lines(outcomes):
        table.add_row(*line.cells, style="red" if line.bad else None)
    console.print(table)
    for problem in problems(outcomes):
        console.print(problem, markup=False, highlight=False)
    console.print(summary(outcomes), highlight=False)
