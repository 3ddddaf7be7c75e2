"""Every defect that a world knows: those of its pack, those of every line, and what each simulator brings."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from instruments.virtual.defects.grammar import Defect, DefectKind, instrument_part
from instruments.virtual.defects.of_instruments import OF_EVERY_INSTRUMENT
from instruments.virtual.defects.of_links import OF_EVERY_LINE
from instruments.virtual.defects.of_pack import OF_THE_PACK
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.registry import shipped
from instruments.virtual.simulator import AnySimulator

PACK = ""
"""Who holds the defects of the pack: no instrument has this name."""
Words = Mapping[str, Collection[str]]


def known_to(simulator: AnySimulator) -> tuple[DefectKind, ...]:
    """What can go wrong with a simulator, wherever it comes from."""
    of_line = (*OF_EVERY_LINE, *OF_EVERY_INSTRUMENT) if simulator.wire == "line" else ()
    return (*of_line, *simulator.defects)


def shipped_kinds() -> Mapping[str, DefectKind]:
    """The defects of the pack and of our own simulators, by name."""
    return {kind.name: kind for kind in _all_of(shipped().values())}


def _all_of(simulators: Iterable[AnySimulator]) -> Iterator[DefectKind]:
    yield from OF_THE_PACK
    for simulator in simulators:
        yield from known_to(simulator)


class Vocabulary:
    """The defects of one world: `kinds` by name, `holders` by name, and the `words` that each may use.

    Ours are known by name also where nobody holds them: then it can be said what the station lacks. Raises ValueError,
    one sentence, where two simulators mean different things by one name.
    """

    def __init__(self, world: Inhabitants) -> None:
        self._world = world
        self.kinds: dict[str, DefectKind] = dict(shipped_kinds())
        self.words: dict[str, Words] = {}
        self._held: dict[str, dict[str, DefectKind]] = {kind.name: {PACK: kind} for kind in OF_THE_PACK}
        for simulator in shipped().values():
            self._learn_words(simulator)
        for name, simulator in world.kinds.items():
            self._learn(name, simulator)

    @property
    def holders(self) -> Mapping[str, Collection[str]]:
        """The instruments that know each defect, by its name, in the order of the station."""
        return {name: tuple(self._held.get(name, ())) for name in self.kinds}

    def meant(self, defect: Defect) -> tuple[DefectKind, Any]:
        """The kind of a defect, and whose it is: the instrument that it names, or who knows it first."""
        holders = self._held[defect.name]
        place = instrument_part(self.kinds[defect.name], self.words.get(defect.name, {}))
        name = min(holders, key=lambda holder: holders[holder].rank) if place is None else defect.word(place)
        return holders[name], self._world.plant if name == PACK else self._world.parts[name]

    def _learn(self, name: str, simulator: AnySimulator) -> None:
        self._learn_words(simulator)
        for kind in known_to(simulator):
            known = self.kinds.setdefault(kind.name, kind)
            if known.form != kind.form:
                raise ValueError(
                    f"the simulator {simulator.name!r} has a defect {kind.form!r}, and another one has {known.form!r}: "
                    "defects of one name have one form"
                )
            self._held.setdefault(kind.name, {})[name] = kind

    def _learn_words(self, simulator: AnySimulator) -> None:
        """A defect that several know may name what any of them knows."""
        for kind in simulator.defects:
            known = dict(self.words.get(kind.name, {}))
            for word in simulator.words.keys() & set(kind.parts):
                known[word] = tuple(dict.fromkeys((*known.get(word, ()), *simulator.words[word])))
            self.words[kind.name] = known
