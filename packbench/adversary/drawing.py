"""Draws weeks from `SPACE`; Hypothesis (MPL-2.0) knows how to make a draw smaller."""

from hypothesis import strategies as draw
from hypothesis.strategies import SearchStrategy

from bench.managing.moments import UNHEARD
from packbench.adversary import space
from packbench.adversary.space import SPACE, Away, Trouble, Week


def weeks(days: int = 7) -> SearchStrategy[Week]:
    """Of so many days or fewer."""
    return draw.builds(
        Week, days=draw.integers(1, days), season=draw.sampled_from(space.SEASONS), soc=_share(*SPACE["soc"]),
        reserve=draw.integers(*SPACE["reserve / km"]), reserve_road=draw.sampled_from(space.ROADS),
        charger=draw.sampled_from(space.CHARGERS), connection=draw.sampled_from(space.CONNECTIONS),
        garage=draw.sampled_from(SPACE["garage"]), house=_share(*SPACE["house / of 3500 kWh/a"]),
        foreseen=_share(*SPACE["forecast of house and sun / of what they will be"]),
        price=draw.sampled_from(space.PRICES), trips=draw.lists(_trips(), max_size=SPACE["trips"][1]).map(tuple),
        troubles=draw.lists(_troubles(days), max_size=SPACE["troubles"][1]).map(_within),
    )  # fmt: skip


def _share(low: float, high: float) -> SearchStrategy[float]:
    """In hundredths."""
    return draw.integers(round(low * 100), round(high * 100)).map(lambda number: number / 100)


@draw.composite
def _trips(drawn: draw.DrawFn) -> Away:
    away = drawn(draw.integers(*SPACE["away / quarters"]))
    farthest = min(SPACE["distance / km"][1], away * SPACE["speed on a trip / km/h, at most"] // 4)
    early = drawn(draw.integers(*SPACE["earlier than told / quarters"]))
    return Away(
        drawn(draw.integers(*SPACE["at home before a trip / quarters"])), away,
        drawn(draw.integers(SPACE["distance / km"][0], farthest)), drawn(draw.sampled_from(space.ROADS)), early,
        drawn(draw.integers(*SPACE["told of that before / quarters"])) if early else 0,
    )  # fmt: skip


@draw.composite
def _troubles(drawn: draw.DrawFn, days: int) -> Trouble:
    what = drawn(draw.sampled_from(space.TROUBLES))
    low, high = SPACE["trouble begins / quarters"]
    begins = drawn(draw.integers(low, min(high, days * 96 - 4)))
    lasts = drawn(draw.integers(*SPACE["trouble lasts / quarters"][what]))
    return Trouble(what, begins, lasts, drawn(_share(*SPACE["jump"])) if what == "jump" else 0.0)


def _within(troubles: list[Trouble]) -> tuple[Trouble, ...]:
    """As long unheard as `SPACE` has it."""
    left, kept = SPACE["unheard in all / quarters"], []
    for each in troubles:
        if each.what in UNHEARD:
            if each.lasts > left:
                continue
            left -= each.lasts
        kept.append(each)
    return tuple(kept)
