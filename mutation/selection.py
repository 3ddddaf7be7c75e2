"""Which tests are tried on a mutant, and in which order: those that reach it, the fastest first.

A test reaches a mutant when it runs one of its lines. What runs only at import (a constant, a default, a decorator) is
reached through its name, by the tests that run a line which says it, and by every test that runs anything of the file,
for elsewhere it may have another name. Those go first whose file is named like the mutated one
(`test_supervisor_served.py` for `supervisor.py`), and behind those that reach it come the rest of those: no coverage
sees a process that keeps its environment to itself. What runs only at import is shown to those named like its folder as
well: a test of a registry (`test_kpi_table.py` for `kpi/charging.py`) runs nothing of the files that have registered
something. They come before who only runs anything of the file: those are many, and long. A mutant that nobody reaches
survives.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from mutation.mutants import Mutant
from mutation.recording import Record

BUDGET = 1 / 15
"""Share of the recorded time of all tests that is spent on one mutant: the fastest that fit are tried, no others.

Not seconds: on a computer that is busy with other things every test takes longer, and then fewer would be asked.
"""
FIRST = 1 / 600
"""Share that is the first batch, which mostly decides: to start a test costs less than to import its file."""


def batches(
    mutant: Mutant, record: Record, sources: Mapping[str, str], killers: Collection[str] = ()
) -> list[list[str]]:
    """The tests for a mutant, in batches to be tried one after another.

    `sources` are the files by path, to look names up in; `killers` are tests that noticed others, which go first.
    """
    reached = reaching(mutant, record, sources)
    # What runs at import may be known elsewhere by another name: whatever runs something of its file may notice it.
    own = record.of_file(mutant.file) if mutant.names else frozenset[str]()
    named = _named_like(mutant.file, record, of_its_folder=bool(mutant.names))
    known = [test for test in reached | own | named if test in record.seconds]
    ranks = (killers, reached & named, reached, named, own)
    first_of = {test: next(place for place, rank in enumerate(ranks) if test in rank) for test in known}
    known.sort(key=lambda test: (first_of[test], record.seconds[test], test))
    everything = sum(record.seconds.values())
    left, first = BUDGET * everything, FIRST * everything
    early: list[str] = []
    late: list[str] = []
    for test in known:
        took = record.seconds[test]
        if took > left and (early or late):
            continue
        left, first = left - took, first - took
        (early if first >= 0 else late).append(test)
    return [batch for batch in (early, late) if batch]


def reaching(mutant: Mutant, record: Record, sources: Mapping[str, str]) -> frozenset[str]:
    """The tests that could notice a mutant."""
    found = _using(mutant.names, record, sources) or record.reaching(mutant.file, mutant.line, mutant.end)
    return found or record.of_file(mutant.file)


def _named_like(file: str, record: Record, *, of_its_folder: bool) -> frozenset[str]:
    path = PurePosixPath(file)
    starts = tuple(f"test_{name}" for name in (path.stem, path.parent.name if of_its_folder else "") if name)
    return frozenset(test for test in record.seconds if PurePosixPath(test.partition("::")[0]).name.startswith(starts))


def _using(names: Collection[str], record: Record, sources: Mapping[str, str]) -> frozenset[str]:
    if not names:
        return frozenset()
    said = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    found: frozenset[str] = frozenset()
    for file, source in sources.items():
        for number, line in enumerate(source.splitlines(), 1):
            if said.search(line):
                found |= record.reaching(file, number, number)
    return found
