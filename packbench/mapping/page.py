"""The page of a map: for every pack, roads by seasons with minutes and margin in each field.

One file without scripts, readable without colour, made to be printed. It shows what `criteria` found and decides
nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import isfinite, nan

from bench.pack import PackFile
from bench.verdicts import Verdict, worst
from packbench.mapping import criteria, outcome
from packbench.mapping.criteria import Criterion, Gain
from packbench.mapping.drawing import charge_curves, largest
from packbench.mapping.fields import Field, Moment, Task
from packbench.mapping.outcome import CANNOT, FieldResult, Figure
from packbench.mapping.tariff import TariffFile, costs
from reports.markup import table
from reports.page import fill

CLASS = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "unsure", "BENCH FAULT": "bench", "TEST ERROR": "mistake"}
NONE = "none"
SHADES = 5
"""Of the background, from the shortest time of a pack to its longest."""
TAGS = {outcome.MEASURED: "m", outcome.FITTED: "f", outcome.ASSUMED: "a"}
CHANGED = 0.05
"""min by which a time must differ from the one before to be shown as another."""


@dataclass(frozen=True, slots=True)
class Map:
    """All that a page is made of: `link` leads to a run, relative to the map; `before` is what came the last time."""

    task: Task
    outcomes: Sequence[FieldResult]
    packs: Mapping[str, PackFile]
    planned: int
    before: Callable[[Field], FieldResult | None] = lambda _field: None
    link: Callable[[FieldResult], str | None] = lambda _outcome: None
    tariff: TariffFile | None = None


Group = tuple[str, str]
"""Pack and strategy."""


def groups(outcomes: Iterable[FieldResult]) -> list[tuple[Group, list[FieldResult]]]:
    """Outcomes of each pack and strategy, in their order."""
    ordered: dict[Group, list[FieldResult]] = {}
    for each in outcomes:
        ordered.setdefault((each.field.pack, each.field.strategy), []).append(each)
    return list(ordered.items())


def ways(outcomes: Iterable[FieldResult]) -> list[tuple[bool, list[FieldResult]]]:
    """Of one group, as it comes and preconditioned."""
    by_way = sorted(outcomes, key=lambda each: each.field.conditioned)
    return [(way, list(found)) for way, found in groupby(by_way, key=lambda each: each.field.conditioned)]


def render(shown: Map) -> str:
    """Write the page."""
    found = groups(shown.outcomes)
    sections = (
        _answers(shown, found),
        *(_pack(shown, group, outcomes) for group, outcomes in found),
        _gains(found),
        _cost(shown, found),
        _impossible(shown.outcomes),
        _notes(shown),
    )
    return fill("map.html", {
        "headline": escape(headline(shown)), "subtitle": escape(_subtitle(shown)), "sections": "".join(sections)
    })  # fmt: skip


def headline(shown: Map) -> str:
    """Say in one sentence what came out."""
    timed = criteria.timed(shown.outcomes)
    if not timed:
        return "No recharge of this map has a time."
    best, worst = timed[0], timed[-1]
    return (
        f"10 to 80 % takes {_minutes(best.time)} at best ({best.field.pack}, {_at(best)}) and "
        f"{_minutes(worst.time)} at worst ({worst.field.pack}, {_at(worst)})"
    )


def _subtitle(shown: Map) -> str:
    count = len(shown.outcomes)
    left = f", {shown.planned - count} not measured yet" if count < shown.planned else ""
    return (
        f"{count} of {shown.planned} fields{left}; {shown.task.car} on {shown.task.station}{_scales(shown.outcomes)}, "
        f"{'from a garage' if shown.task.garage else 'from a night outside'}, arrival with "
        f"{100 * shown.task.arrival:.0f} %, conditioned to {shown.task.target:g} °C"
    )


def _scales(outcomes: Iterable[FieldResult]) -> str:
    """The scale of each pack: every figure of a road is that of a car whose pack is so much larger."""
    scales = {each.field.pack: each.scale for each in outcomes if each.verdict != CANNOT}
    told = ", ".join(f"{_scale(scale)} for {pack}" for pack, scale in scales.items())
    return f", its power times {told}" if told else ""


def _scale(scale: float) -> str:
    return f"{scale:.3g}"


def _named(group: Group, outcomes: Iterable[FieldResult], conditioned: bool = False) -> str:
    """Head of a row with figures of a road, their scale beside them."""
    (pack, strategy), scales = group, {_scale(each.scale) for each in outcomes if each.verdict != CANNOT}
    way = ", preconditioned" if conditioned else ""
    scale = f", scale {' and '.join(sorted(scales))}" if scales else ""
    return f"<th scope=row>{escape(pack)}<br><small>{escape(strategy)}{way}{scale}</small></th>"


def _at(found: FieldResult) -> str:
    conditioned = ", preconditioned" if found.field.conditioned else ""
    return f"{found.field.road} in {found.field.season}{conditioned}"


def _minutes(figure: Figure) -> str:
    return f"{figure.value / 60:.1f} min" if figure.known else "no time"


def _answers(shown: Map, found: Sequence[tuple[Group, list[FieldResult]]]) -> str:
    rows = []
    for (pack, strategy), outcomes in found:
        for conditioned, fields in ways(outcomes):
            judged = criteria.criteria(shown.packs[pack], fields)
            name = f"{escape(pack)}<br><small>{escape(strategy)}{', preconditioned' if conditioned else ''}</small>"
            rows.append(f"<tr><th scope=row>{name}</th>{''.join(map(_criterion, judged))}</tr>")
    names = ("", "longest / shortest", "longest", "lowest margin", "derating")
    return _section("What it comes to", "", table(names, "".join(rows)))


def _section(title: str, text: str, body: str) -> str:
    said = f"<p>{text}</p>" if text else ""
    return f"<section><h2>{title}</h2>{said}{body}</section>"


def summary(pack: PackFile, outcomes: Sequence[FieldResult]) -> tuple[str, ...]:
    """Of one pack, one strategy and one way: shortest, longest, spread, lowest margin, and the worst verdict."""
    timed = criteria.timed(outcomes)
    _, _, margin, *_ = judged = criteria.criteria(pack, outcomes)
    ends = [_minutes(timed[at].time) if timed else NONE for at in (0, -1)]
    known = Figure(margin.measurement.value, margin.measurement.uncertainty, margin.measurement.unit)
    ratio = criteria.spread(timed)
    verdict = worst([*(each.verdict for each in judged if each.bounded), *map(Verdict, _verdicts(outcomes))])
    said = str(verdict) if _verdicts(outcomes) else CANNOT
    return *ends, _value(ratio) if ratio.known else NONE, _value(known) if known.known else "not known", said


def _verdicts(outcomes: Sequence[FieldResult]) -> list[str]:
    return [each.verdict for each in outcomes if each.verdict != CANNOT]


def _criterion(judged: Criterion) -> str:
    each = judged.measurement
    value = _value(Figure(each.value, each.uncertainty, each.unit)) if isfinite(each.value) else _nothing(each.name)
    said = _limit(judged) if judged.bounded else "<small>no limit</small>" if isfinite(each.value) else ""
    return f"<td>{value} {said}<br><small>{escape(judged.where)}</small></td>"


def _nothing(name: str) -> str:
    return "not known" if name == outcome.MARGIN else NONE


def _limit(judged: Criterion) -> str:
    each = judged.measurement
    word, limit = ("at most", each.at_most) if each.at_most is not None else ("at least", each.at_least)
    return f"{_badge(str(judged.verdict))} <small>{word} {_value(Figure(limit or 0.0, 0.0, each.unit))}</small>"


def _value(figure: Figure) -> str:
    value, uncertainty, unit = figure.value, figure.uncertainty, figure.unit
    if unit == "s":
        value, uncertainty, unit = value / 60, uncertainty / 60, "min"
    digits = 2 if unit == "1" else 1
    spread = f" ± {uncertainty:.{digits}f}" if uncertainty >= 0.5 * 10**-digits else ""
    return f"{value:.{digits}f}{spread}{'' if unit == '1' else f' {unit}'}"


def _badge(verdict: str) -> str:
    return f'<span class="badge {CLASS.get(verdict, "notrun")}">{escape(verdict)}</span>'


def _pack(shown: Map, group: Group, outcomes: Sequence[FieldResult]) -> str:
    pack, strategy = group
    chemistry = next((each.chemistry for each in outcomes if each.chemistry), "")
    tables = "".join(_table(shown, conditioned, fields) for conditioned, fields in ways(outcomes))
    return (
        f"<section><h2>{escape(pack)} <small>{escape(chemistry)}, {escape(strategy)}</small></h2>"
        f"{tables}{_curves(outcomes)}</section>"
    )


def _table(shown: Map, conditioned: bool, outcomes: Sequence[FieldResult]) -> str:
    """Minutes and margin by road and season."""
    title = "Preconditioned on the way" if conditioned else "As it comes from the road"
    return _grid(title, outcomes, lambda found: _field(shown, found[0], _shade(found[0], outcomes)))


def _grid(title: str, outcomes: Sequence[FieldResult], cell: Callable[[list[FieldResult]], str]) -> str:
    roads = list(dict.fromkeys(each.field.road for each in outcomes))
    seasons = list(dict.fromkeys(each.field.season for each in outcomes))
    names = ("", *(str(Moment.of(season)) for season in seasons))
    rows = []
    for road in roads:
        cells = []
        for season in seasons:
            found = [each for each in outcomes if (each.field.road, each.field.season) == (road, season)]
            cells.append(f"<td>{cell(found) if found else '<span class=soft>not measured yet</span>'}</td>")
        rows.append(f"<tr><th scope=row>{escape(road)}</th>{''.join(cells)}</tr>")
    return f"<h3>{title}</h3>{table(names, ''.join(rows), 'map')}"


def _shade(found: FieldResult, all_: Sequence[FieldResult]) -> int:
    times = [each.time.value for each in criteria.timed(all_)]
    if not found.time.known or times[-1] <= times[0]:
        return 0
    return min(int((found.time.value - times[0]) / (times[-1] - times[0]) * SHADES), SHADES - 1)


def _field(shown: Map, found: FieldResult, shade: int) -> str:
    if found.verdict == CANNOT:
        return '<span class="field none">cannot<small>see below</small></span>'
    if not found.comparable and found.figure(outcome.TIME).known:
        off = found.figure(outcome.OFF).value
        inside = f"<b>not comparable</b><small>cells {off:+.1f} K off a car's</small>"
    elif found.time.known:
        margin = found.figure(outcome.MARGIN)
        said = f"{margin.value:+.1f} mV {_tag(found, outcome.MARGIN)}" if margin.known else "margin not known"
        said += _change(shown, found)
        inside = f"<b>{_minutes(found.time)}</b> <i>{_tag(found, outcome.TIME)}</i><small>{said}</small>"
    else:
        inside = f"<b>{escape(found.verdict)}</b><small>{escape(found.reason[:70])}</small>"
    judged = "" if found.verdict == Verdict.PASS else _badge(found.verdict)
    link = shown.link(found)
    inside = f'<a href="{escape(link, quote=True)}">{inside}</a>' if link else inside
    return f'<span class="field s{shade}" title="{escape(_told(found), quote=True)}">{inside}{judged}</span>'


def _tag(found: FieldResult, name: str) -> str:
    return TAGS[found.basis(name)]


def _told(found: FieldResult) -> str:
    parts = [f"{found.field}: {found.verdict}"]
    for name in (outcome.ARRIVES, outcome.CONSUMPTION, outcome.POWER, outcome.CONDITIONING, outcome.DERATING):
        figure = found.figure(name)
        if figure.known:
            parts.append(f"{name} {figure.value:.4g} {figure.unit} ({found.basis(name)})")
    parts.append(f"scale {_scale(found.scale)}")
    return "; ".join([*parts, found.reason] if found.reason else parts)


def _change(shown: Map, found: FieldResult) -> str:
    """What is another than the last time."""
    before = shown.before(found.field)
    if before is None or not before.time.known:
        return ""
    by = (found.time.value - before.time.value) / 60
    return f" ({by:+.1f} min since last)" if abs(by) >= CHANGED else " (as last)"


def _curves(outcomes: Sequence[FieldResult]) -> str:
    most = largest(outcomes)
    title = f"Power over state of charge, 0 to {most:.0f} kW: solid as it comes, dashed preconditioned"
    return _grid(title, outcomes, lambda found: charge_curves(found, most))


def _gains(found: Sequence[tuple[Group, list[FieldResult]]]) -> str:
    rows = []
    for (pack, strategy), outcomes in found:
        gained = criteria.gains(outcomes)
        if gained:
            best, worst = (choose(gained, key=lambda each: each.won.value) for choose in (max, min))
            mean, minutes = _mean(each.cost.value for each in gained), _mean(each.recharged.value for each in gained)
            rows.append(
                f"<tr>{_named((pack, strategy), outcomes)}{_gain(best)}{_gain(worst)}"
                f"<td>{_energy(mean)}, {_cost_in_time(Figure(minutes, 0.0, 's'))}</td></tr>"
            )
    if not rows:
        return ""
    names = ("", "most won", "least won", "costs on average")
    text = (
        "Energy out of the car's pack for heater and chiller on the way, and the minutes in which the recharge at its "
        "mean power gives it back, against minutes won at the charger; below zero they were lost."
    )
    return _section("What preconditioning cost, and what it bought", text, table(names, "".join(rows)))


def _gain(gain: Gain) -> str:
    place = f"{gain.conditioned.field.road} in {gain.conditioned.field.season}"
    cost = f"{_energy(gain.cost.value)}, {_cost_in_time(gain.recharged)}"
    return f"<td>{_value(gain.won)} for {cost}<br><small>{escape(place)}</small></td>"


def _cost_in_time(figure: Figure) -> str:
    return _minutes(figure) if figure.known else "minutes not known"


def _energy(value: float) -> str:
    return f"{value:.0f} Wh" if isfinite(value) else "not known"


def _mean(values: Iterable[float]) -> float:
    """Of those that are known; nan of none."""
    known = [each for each in values if isfinite(each)]
    return sum(known) / len(known) if known else nan


def _cost(shown: Map, found: Sequence[tuple[Group, list[FieldResult]]]) -> str:
    """Energy of road and recharge, and money where a tariff says what a kWh costs."""
    rows = []
    for (pack, strategy), outcomes in found:
        for conditioned, fields in ways(outcomes):
            road = _mean(each.figure(outcome.CONSUMPTION).value for each in fields)
            # One that broke off would make the others cheaper.
            whole = [each for each in fields if each.figure(outcome.TIME).known]
            recharge = _mean(each.figure(outcome.ENERGY).value / each.scale / 1000 for each in whole)
            if not isfinite(road) or not isfinite(recharge):
                continue
            prices = "".join(
                f"<td>{each.road:.2f} / {each.recharge:.2f} {escape(shown.tariff.currency)}</td>"
                for each in (costs(shown.tariff, road, recharge) if shown.tariff else ())
                if shown.tariff
            )
            name = _named((pack, strategy), fields, conditioned)
            rows.append(f"<tr>{name}<td>{road:.1f} kWh</td><td>{recharge:.1f} kWh</td>{prices}</tr>")
    priced = shown.tariff.prices if shown.tariff else ()
    places = [f"{escape(each)}: 100 km / recharge" for each in priced]
    said = (
        f"Prices: {escape(shown.tariff.name)}; {escape('; '.join(shown.tariff.sources) or 'no source given')}."
        if shown.tariff else "No tariff was given (--tariff), so there are no prices."
    )  # fmt: skip
    names = ("", "100 km", "recharge, 10 to 80 %", *places)
    text = (
        "Out of the car's pack for 100 km, conditioning included, and into it for a recharge: means over the roads and "
        f"seasons of this map. {said}"
    )
    return _section("Energy and cost", text, table(names, "".join(rows)))


def _impossible(outcomes: Sequence[FieldResult]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(str(each.field))}</th><td>{escape(each.reason)}</td></tr>"
        for each in outcomes if each.verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE)
    )  # fmt: skip
    return _section("What failed, and what a pack is not made for", "", table((), rows)) if rows else ""


def _notes(shown: Map) -> str:
    rests = sorted({each.basis(name) for each in shown.outcomes for name in (outcome.TIME, outcome.MARGIN)})
    words = {
        outcome.MEASURED: "m: measured on hardware",
        outcome.FITTED: "f: a model that was fitted to measurements",
        outcome.ASSUMED: "a: a model in which something is assumed",
    }
    assumed = {
        each.field.pack: ", ".join(each.assumed) for each in shown.outcomes if each.assumed
    }  # fmt: skip
    listed = "".join(f"<li>{escape(pack)}: {escape(keys)}.</li>" for pack, keys in assumed.items())
    return (
        "<section><h2>How to read it</h2><p>Minutes from 10 to 80 % of displayed charge, with the judge's plating "
        "margin (the lowest potential of the negative electrode against lithium; its model is neither the BMS's limit "
        f"nor a strategy's). {'; '.join(escape(words[each]) for each in rests)}. The darker a field, the longer its "
        "recharge among those of its table. A pack that is smaller than a car's is compared only where its cells "
        "arrive within 2 K of those of a car's. The air stays as it was at departure; of what the motor loses, half "
        "warms cells that are cold or to be conditioned (assumed; `waste_heat` and `warm_below` of the car's file).</p>"
        f"{f'<p>Assumed, and measured on none:</p><ul>{listed}</ul>' if listed else ''}</section>"
    )
