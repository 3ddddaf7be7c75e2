"""A seeded sample: every file has its share by the number of its mutants, and no place twice while there are others.

The same seed draws the same mutants from the same files on any computer, and a smaller sample is part of a larger one
as far as the shares allow: what was tried for the one need not be tried again for the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count as counting
from itertools import islice
from random import Random

from mutation.mutants import Mutant, Place


def shares(weights: Mapping[str, int], count: int) -> dict[str, int]:
    """`count` shared out by weight: whole numbers, the largest remainders rounded up, nobody more than its weight."""
    total = sum(weights.values())
    if count >= total:
        return dict(weights)
    exact = {name: count * weight / total for name, weight in weights.items()}
    shared = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (shared[name] - exact[name], name))
    for name in by_remainder[: count - sum(shared.values())]:
        shared[name] += 1
    return shared


def sample(files: Mapping[str, Sequence[Place]], count: int, seed: int) -> list[Mutant]:
    """`count` mutants of `files` (places by path), fewer where there are not so many; by file, then in drawn order."""
    weights = {file: sum(len(place.instead) for place in places) for file, places in files.items()}
    drawn = shares(weights, count)
    return [mutant for file in sorted(files) for mutant in islice(_drawn(files[file], f"{seed} {file}"), drawn[file])]


def _drawn(places: Sequence[Place], seed: str) -> Iterator[Mutant]:
    """All mutants of a file in drawn order: one of each place, then another one of each that has more."""
    # A text as seed gives the same numbers on every computer, whatever PYTHONHASHSEED says.
    random = Random(seed)
    order = random.sample(places, len(places))
    queues = [random.sample(range(len(place.instead)), len(place.instead)) for place in order]
    for turn in counting():
        rows = [(place, queue[turn]) for place, queue in zip(order, queues, strict=True) if turn < len(queue)]
        if not rows:
            return
        for place, which in rows:
            mutant = place.mutant(which)
            if mutant is not None:
                yield mutant
