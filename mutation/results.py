"""What became of the mutants: kept as it comes (a run that was interrupted goes on), then a table and a JSON file."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mutation.mutants import Mutant
from mutation.trees import digest
from mutation.trial import KILLED, Judged, Status

ASKED = 0.90
"""Share that must be killed."""
STATUSES: Sequence[Status] = ("killed", "timeout", "survived", "not reached", "equivalent")


@dataclass(frozen=True, slots=True)
class Result:
    """One mutant and what became of it. `digest` is of the file it was made of: of another file it says nothing."""

    key: str
    file: str
    line: int
    kind: str
    before: str
    after: str
    digest: str
    status: Status
    killer: str = ""
    why: str = ""
    """Why it is the same program, where it is listed as such."""
    tried: int = 0
    seconds: float = 0.0


def result(mutant: Mutant, original: str, judged: Judged, why: str = "", seconds: float = 0.0) -> Result:
    """What is kept of a mutant of the file `original` (its text)."""
    return Result(
        mutant.key, mutant.file, mutant.line, mutant.kind, mutant.before, mutant.after, digest(original), judged.status,
        judged.killer, why, judged.tried, round(seconds, 2),
    )  # fmt: skip


class Kept:
    """The results so far, in a file that grows by a line for each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._results: dict[tuple[str, str], Result] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                self._remember(Result(**json.loads(line)))

    def of(self, mutant: Mutant, original: str) -> Result | None:
        """The newest result of a mutant of that very text."""
        return self._results.get((mutant.key, digest(original)))

    def add(self, new: Result) -> None:
        """Written at once."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(new), ensure_ascii=False) + "\n")
        self._remember(new)

    def killers(self) -> dict[str, list[str]]:
        """The tests that have noticed mutants of each file, those that noticed most of them first."""
        counts: dict[str, Counter[str]] = {}
        for each in self._results.values():
            if each.killer:
                counts.setdefault(each.file, Counter())[each.killer] += 1
        return {file: [test for test, _ in count.most_common()] for file, count in counts.items()}

    def _remember(self, new: Result) -> None:
        self._results[new.key, new.digest] = new


def score(results: Iterable[Result], *, apart: bool) -> float:
    """Share of the mutants that were killed, nan of none; `apart`: without those listed as the same program."""
    counted = [each for each in results if not (apart and each.status == "equivalent")]
    return sum(each.status in KILLED for each in counted) / len(counted) if counted else float("nan")


def show(results: Sequence[Result], console: Console) -> None:
    """A table by file, the survivors, and the score."""
    table = Table("file", *STATUSES, "score")
    for file in sorted({each.file for each in results}):
        _row(table, file, [each for each in results if each.file == file])
    table.add_section()
    _row(table, "all", results)
    console.print(table)
    for each in results:
        if each.status in ("survived", "not reached", "equivalent"):
            because = f": {each.why}" if each.why else f" ({each.tried} tests)"
            console.print(f"{each.status}  {each.file}:{each.line}  [{each.kind}]{because}", markup=False)
            console.print(f"    - {each.before}\n    + {each.after}", markup=False, soft_wrap=True)
    console.print(
        f"{score(results, apart=True):.1%} killed of those that are another program, "
        f"{score(results, apart=False):.1%} of all {len(results)}."
    )


def _row(table: Table, name: str, results: Sequence[Result]) -> None:
    counts = Counter(each.status for each in results)
    table.add_row(name, *(str(counts[status] or "") for status in STATUSES), f"{score(results, apart=True):.0%}")


def as_json(results: Sequence[Result], options: Mapping[str, Any]) -> str:
    """For machines: the options of the run, both scores, and every mutant."""
    counts = Counter(each.status for each in results)
    found = {
        **options,
        "score": score(results, apart=True),
        "score_of_all": score(results, apart=False),
        "counts": {status: counts[status] for status in STATUSES},
        "mutants": [asdict(each) for each in results],
    }
    return json.dumps(found, indent=1, ensure_ascii=False)
