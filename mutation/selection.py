"""Which tests are tried on a mutant, and in which order: those that reach it, the fastest first.

A test reaches a mutant when it runs one of its lines. What runs only at import (a constant, a default, a decorator) is
reached through its name: by the tests that run a line which says it. Where that finds nobody, every test that runs
anything of the file is asked. A mutant that nobody reaches survives.
"""

import re
from collections.abc import Collection, Mapping

from mutation.mutants import Mutant
from mutation.recording import Record

BUDGET = 90.0
"""s of recorded time that is spent on one mutant: the fastest tests that fit are tried, the others are not."""
FIRST = 3.0
"""s of the first batch, which mostly decides: to start a test costs less than to import its file."""


def batches(
    mutant: Mutant, record: Record, sources: Mapping[str, str], killers: Collection[str] = ()
) -> list[list[str]]:
    """The tests for a mutant, in batches to be tried one after another.

    `sources` are the files by path, to look names up in; `killers` are tests that noticed others, which go first.
    """
    known = [test for test in reaching(mutant, record, sources) if test in record.seconds]
    known.sort(key=lambda test: (test not in killers, record.seconds[test], test))
    left, first = BUDGET, FIRST
    early: list[str] = []
    late: list[str] = []
    for test in known:
        left -= record.seconds[test]
        if left < 0 and (early or late):
            break
        first -= record.seconds[test]
        (early if first >= 0 else late).append(test)
    return [batch for batch in (early, late) if batch]


def reaching(mutant: Mutant, record: Record, sources: Mapping[str, str]) -> frozenset[str]:
    """The tests that could notice a mutant."""
    if not mutant.names:
        return record.reaching(mutant.file, mutant.line, mutant.end)
    return _using(mutant.names, record, sources) or record.of_file(mutant.file)


def _using(names: Collection[str], record: Record, sources: Mapping[str, str]) -> frozenset[str]:
    said = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    found: frozenset[str] = frozenset()
    for file, source in sources.items():
        for number, line in enumerate(source.splitlines(), 1):
            if said.search(line):
                found |= record.reaching(file, number, number)
    return found
