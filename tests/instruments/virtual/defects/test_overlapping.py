"""Defects that overlap, of every simulator that is shipped: the end of one ends no other, the last gives all back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.defects.grammar import DefectKind
from instruments.virtual.registry import shipped
from tests.instruments.virtual.defects.exercising import USES, Bench, benches, kinds_of, word

EVENTS = {
    "panel-pressed", "panel-on", "foreign-sets", "protection-latched", "local-mode",
    "charger-error", "charger-unplugged", "charger-taken-over",
    "contactor-closed", "bms-error", "emergency-stop", "bms-restart", "bms-unasked",
    "frozen-counter", "wrong-checksum",
}  # fmt: skip
"""What happens once, and changes what the instrument does by itself from then on: to end it is no way back."""
CUTTING = {"disconnect", "reconnect"}
"""What ends for good with it are the connections that there were."""
OF_ITS_MOMENT = {
    "bms-frozen-values", "frozen-signal", "second-node", "sensor-stuck", "sensor-reversed", "coolant-sensor-reversed",
}  # fmt: skip
"""What goes by how things were when it began, so that it makes a difference what else was wrong just then."""
SEEN_BY_NOBODY = {
    ("eastron-sdm630", "refuses-sets"), ("eastron-sdm630", "ignores-set"),  # there is nothing to be set
    ("eastron-sdm630", "reconnect"),  # its line is cut before anybody was on it, and nobody comes
    ("binder-mb1", "wrong-identity"),  # it tells nothing of itself
}  # fmt: skip


def test_every_shipped_simulator_is_put_to_use() -> None:
    assert set(USES) == set(shipped())


EACH = [
    pytest.param(simulator, kind, id=f"{simulator}-{kind.name}") for simulator in USES for kind in kinds_of(simulator)
]


@pytest.mark.parametrize(("simulator", "kind"), EACH)
def test_a_defect_is_seen_while_it_lasts_and_not_after(simulator: str, kind: DefectKind) -> None:
    defect, seen = word(simulator, kind, 0), False
    with benches() as opened:
        for running in (False, True):
            healthy = opened(simulator, running).use()
            bench = opened(simulator, running)
            bench.world.inject(defect)
            seen = seen or bench.use() != healthy
            if kind.for_good or kind.name in EVENTS or (kind.name in CUTTING and running):
                continue
            bench = opened(simulator, running)
            bench.world.inject(defect)
            bench.world.repair(defect)
            assert bench.use() == healthy
    assert seen is not ((simulator, kind.name) in SEEN_BY_NOBODY)


Two = tuple[tuple[DefectKind, str], tuple[DefectKind, str]]
"""The kinds of two defects, and how each is injected: never by the same word."""


@st.composite
def pairs(draw: st.DrawFn, simulator: str) -> Two:
    """Two defects of a simulator; of the first it must be known how it ends."""
    kinds = kinds_of(simulator)
    one = draw(st.sampled_from([kind for kind in kinds if not kind.for_good]))
    other, variants = draw(st.sampled_from([one, *kinds])), st.integers(0, 1)
    return (one, word(simulator, one, draw(variants)) + "@0"), (other, word(simulator, other, draw(variants)) + "@0.0")


@pytest.mark.parametrize("simulator", USES)
def test_of_two_defects_each_lasts_until_it_is_ended_itself(simulator: str) -> None:
    """Where one has ended it is as if it had ended before the other began; where both have, as if there was none."""

    @given(pairs(simulator), st.booleans(), st.booleans())
    def holds(two: Two, running: bool, newest_first: bool) -> None:
        (ended, its_word), (lasting, other_word) = two
        with benches() as opened:
            if not _in_the_way(two, newest_first):
                bench = opened(simulator, running)
                _begin(bench, its_word, other_word, newest_first)
                bench.world.repair(its_word)
                found = _used(bench, lasting, other_word)
                bench = opened(simulator, running)
                bench.world.inject(its_word)
                bench.world.repair(its_word)
                bench.world.inject(other_word)
                assert found == _used(bench, lasting, other_word)
            names = {ended.name, lasting.name}
            if not (lasting.for_good or names & EVENTS or (names & CUTTING and running)):
                bench = opened(simulator, running)
                _begin(bench, its_word, other_word, newest_first)
                bench.world.repair(its_word)
                bench.world.repair(other_word)
                assert bench.use() == opened(simulator, running).use()

    holds()


def _begin(bench: Bench, ended: str, lasting: str, newest_first: bool) -> None:
    """Two defects, of which the one that began last is ended first, or the one that began first."""
    for defect in (lasting, ended) if newest_first else (ended, lasting):
        bench.world.inject(defect)


def _used(bench: Bench, lasting: DefectKind, word: str) -> list[Any]:
    """What is found while a defect lasts, and after that."""
    found = bench.use()
    if not lasting.for_good:
        bench.world.repair(word)
        found += bench.use()
    return found


def _in_the_way(two: Two, newest_first: bool) -> bool:
    """Whether one of two makes a difference to how the other began or ends, and not only while it lasts itself."""
    (ended, its_word), (lasting, other_word) = two
    if its_word.partition("@")[0] == other_word.partition("@")[0]:
        return lasting.name in OF_ITS_MOMENT
    return ended.name in EVENTS or (lasting.name in OF_ITS_MOMENT and not newest_first)
