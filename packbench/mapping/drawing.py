"""Small pictures of charge curves as SVG: power over state of charge, in one scale for all of a pack."""

from collections.abc import Iterable, Sequence
from html import escape

from packbench.mapping.outcome import FieldResult

WIDTH, HEIGHT, MARGIN = 132, 58, 4
BEGIN, END = 10.0, 80.0
"""State of charge, %."""


def charge_curves(outcomes: Iterable[FieldResult], most: float) -> str:
    """Curves of one road and season: as it comes a solid line, preconditioned a dashed one; `most` kW is the top."""
    lines = "".join(_line(each, most) for each in outcomes if each.curve)
    if not lines:
        return '<span class="soft">no curve</span>'
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="power over state of charge, up to {most:.0f} kW">'
        f'<path class="axis" d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}"/>{lines}</svg>'
    )


def _line(outcome: FieldResult, most: float) -> str:
    points = " ".join(f"{_across(soc):.1f},{_up(power, most):.1f}" for soc, power in outcome.curve)
    kind = "conditioned" if outcome.field.conditioned else "plain"
    return f'<polyline class="{kind}" points="{points}"><title>{escape(str(outcome.field))}</title></polyline>'


def _across(soc: float) -> float:
    share = min(max((soc - BEGIN) / (END - BEGIN), 0.0), 1.0)
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _up(power: float, most: float) -> float:
    return HEIGHT - MARGIN - min(max(power / most, 0.0), 1.0) * (HEIGHT - 2 * MARGIN) if most > 0 else HEIGHT - MARGIN


def largest(outcomes: Sequence[FieldResult]) -> float:
    """The highest power of all curves, kW."""
    return max((power for each in outcomes for _, power in each.curve), default=0.0)
