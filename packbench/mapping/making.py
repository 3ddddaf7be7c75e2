"""Makes a map: measures what is missing, keeps each field as it comes, and draws the page again and again."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.clock import monotonic
from bench.durations import spell
from bench.pack import PackFile, load_pack
from bench.verdicts import Verdict, worst
from packbench.mapping import criteria, outcome, page
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest
from packbench.mapping.measuring import FIGURE
from packbench.mapping.outcome import CANNOT, FieldResult
from packbench.mapping.players import Player
from packbench.mapping.scenario import refuse_unknown
from packbench.mapping.store import Store
from packbench.mapping.tariff import TariffFile

INDEX = "index.html"
DRAW_AFTER = 10.0
"""s between two pages, while fields come in."""


@dataclass(frozen=True, slots=True)
class Made:
    """A map as far as it is: its page and its outcomes, and what its criteria say."""

    index: Path
    outcomes: Sequence[FieldResult]
    packs: dict[str, PackFile]
    planned: int

    @property
    def complete(self) -> bool:
        """Whether every field is done."""
        return len(self.outcomes) == self.planned

    @property
    def verdict(self) -> Verdict:
        """The worst of all criteria and fields. What a pack cannot do counts not; a map without a time is no pass."""
        fields = [Verdict(each.verdict) for each in self.outcomes if each.verdict != CANNOT]
        judged = [each.verdict for each in self.judged() if each.bounded]
        empty = [] if criteria.timed(self.outcomes) else [Verdict.INCONCLUSIVE]
        return worst([*fields, *judged, *empty])

    def judged(self) -> Iterator[criteria.Criterion]:
        """Every criterion of every pack, strategy and way."""
        for (pack, _), outcomes in page.groups(self.outcomes):
            for _, fields in page.ways(outcomes):
                yield from criteria.criteria(self.packs[pack], fields)


@dataclass(frozen=True, slots=True)
class Making:
    """What to make: fields of a task, measured by a player, recordings below `runs`, told line by line."""

    fields: Sequence[Field]
    task: Task
    store: Store
    runs: Path
    player: Player
    tell: Callable[[str], None]
    tariff: TariffFile | None = None

    def make(self, *, anew: bool = False) -> Made:
        """Measure what is missing; `anew`: everything, with what there is kept for comparison.

        Raises `InputError` for whatever does not exist or is wrong as a file, before anything is measured.
        """
        packs = {name: load_pack(name)[0] for name in dict.fromkeys(each.pack for each in self.fields)}
        refuse_unknown(self.fields, self.task, packs)
        inputs = {each: digest(each, self.task) for each in self.fields}
        if anew:
            for each in self.fields:
                self.store.set_aside(each)
        done = {each.field: each for each in self.store.done(self.fields, inputs)}
        missing = [each for each in self.fields if each not in done]
        if done and missing:
            self.tell(f"{len(done)} of {len(self.fields)} fields are there already; {len(missing)} to measure.")
        began = drawn = monotonic()
        try:
            for number, found in enumerate(self.player(missing, self.task, self.runs) if missing else (), 1):
                self.store.keep(found)
                done[found.field] = found
                left = (monotonic() - began) / number * (len(missing) - number)
                self.tell(_line(found, len(done), len(self.fields), left))
                if monotonic() - drawn > DRAW_AFTER:
                    drawn = monotonic()
                    self._draw(done, packs)
        finally:
            index = self._draw(done, packs)
        return Made(index, self._ordered(done), packs, len(self.fields))

    def _ordered(self, done: dict[Field, FieldResult]) -> list[FieldResult]:
        return [done[each] for each in self.fields if each in done]

    def _draw(self, done: dict[Field, FieldResult], packs: dict[str, PackFile]) -> Path:
        shown = page.Map(
            self.task, self._ordered(done), packs, len(self.fields), before=self.store.before, link=self._link,
            tariff=self.tariff,
        )  # fmt: skip
        index = self.store.folder / INDEX
        index.write_text(page.render(shown), encoding="utf-8")
        return index

    def _link(self, found: FieldResult) -> str | None:
        """The picture of a run, or its folder; None where it is not there any more."""
        folder = self.runs / found.run
        if not found.run or not folder.is_dir():
            return None
        target = folder / FIGURE if (folder / FIGURE).exists() else folder
        return quote(Path(os.path.relpath(target, self.store.folder)).as_posix())


def _line(found: FieldResult, count: int, planned: int, left: float) -> str:
    time, margin = found.time, found.figure(outcome.MARGIN)
    said = [f"{time.value / 60:.1f} min"] if time.known else []
    said += [f"{margin.value:+.1f} mV"] if margin.known else []
    result = ", ".join([*said, found.verdict])
    why = f" ({found.reason})" if found.reason and found.verdict != Verdict.PASS else ""
    rest = f"; about {spell(left)} left" if count < planned else ""
    return f"[{count}/{planned}] {found.field}: {result}{why}{rest}"
