"""`packbench strategies`: charge strategies of one pack beside each other, in minutes at equal margin to plating."""

import sys
from dataclasses import asdict
from importlib.util import find_spec
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.verdicts import InputError
from packbench.commands.arguments import AsJson
from packbench.console import print_json, print_table, say

if TYPE_CHECKING:
    from bench.strategies import Strategy
    from reports.comparing import Compared, Comparison, Tried

DEFAULT = ("1C", "plating-aware", "2C<30-1.5C<60-0.9C<100@25", "optimum")
"""Beside following the limit: one current, the cell file's map, the stages of An et al. (2019), a searched schedule."""
SEARCHED = 40
"""About how many times as long a search takes as a strategy that is known."""

Pack = Annotated[str, typer.Option("--pack", help="Pack file or shipped name.")]
Temperature = Annotated[float, typer.Option("--temperature", help="Of the pack at the beginning and of the air, °C.")]
Names = Annotated[
    str | None,
    typer.Option("--strategies", metavar="NAME,…", help=f"Beside follow-limit (default: {', '.join(DEFAULT)})."),
]
Margin = Annotated[
    float | None,
    typer.Option("--margin", help="Least margin to plating of all of them, mV (default: that of following the limit)."),
]


def strategies(
    pack: Pack,
    temperature: Temperature = 25.0,
    names: Names = None,
    margin: Margin = None,
    begin: Annotated[float, typer.Option("--from", min=0, max=100, help="State of charge at the beginning, %.")] = 10.0,
    end: Annotated[float, typer.Option("--to", min=0, max=100, help="State of charge at the end, %.")] = 80.0,
    as_json: AsJson = False,
) -> None:
    """Compare charge strategies on the twin: minutes as they are, and at equal margin by the judge's own model."""
    from bench.pack import load_pack
    from models.twin import Beginning
    from reports import requirements
    from reports.comparing import compare_strategies

    _check(temperature, margin, begin, end)
    loaded, path = load_pack(pack)
    requirements.check(loaded, path)
    chosen = _named(names)
    beginning = Beginning(begin / 100, end / 100, temperature, temperature)
    found = compare_strategies(loaded, chosen, beginning, margin, _Told(chosen))
    if as_json:
        print_json({"pack": loaded.name, "temperature": temperature, **_content(found)})
    else:
        _show(found, f"{loaded.name} from {begin:g} to {end:g} %, {temperature:g} °C")


def _check(temperature: float, margin: float | None, begin: float, end: float) -> None:
    for option, value in (("--temperature", temperature), ("--margin", margin)):
        if value is not None and not isfinite(value):
            raise InputError(f"{option} is {value}: give a number.")
    if not begin < end:
        raise InputError(f"--from {begin:g} must lie below --to {end:g} %.")


def _named(names: str | None) -> "list[Strategy]":
    from bench.strategies import strategy_named

    if names is not None:
        return [strategy_named(name.strip()) for name in names.split(",")]
    there = find_spec("scipy") is not None
    if not there:
        say("packbench: without SciPy nothing is searched: pip install 'packbench[map]'.", err=True)
    return [strategy_named(name) for name in DEFAULT if there or name != "optimum"]


class _Told:
    """Says which strategy is looked at, and about how long the rest will take; only where somebody watches."""

    def __init__(self, chosen: "list[Strategy]") -> None:
        from bench.clock import monotonic

        self._now, self._started = monotonic, monotonic()
        self._weight = {each.name: SEARCHED if each.is_searched else 1 for each in chosen}
        self._all, self._done, self._last = 1 + sum(self._weight.values()), 0, 0

    def __call__(self, name: str) -> None:
        from bench.durations import spell

        self._done, self._last = self._done + self._last, self._weight.get(name, 1)
        passed = self._now() - self._started
        left = f", about {spell(passed / self._done * (self._all - self._done))} left" if self._done else ""
        if sys.stderr.isatty():
            say(f"{name}{left}", err=True)


HEADER = (
    "strategy",
    "as it is",
    "its margin",
    "cut by the BMS",
    "at equal margin",
    "share of it",
    "BMS would cut",
    "gain",
)


def _show(found: "Comparison", what: str) -> None:
    at = f"equal margin: {found.margin:.1f} mV" if isfinite(found.margin) else "margin not known"
    print_table(f"{what}, {at}", HEADER, [_row(found, each) for each in found.rows])
    for why in dict.fromkeys(f"{each.strategy.name}: {each.why}" for each in found.rows if each.why):
        say(f"{why}.")
    say("By the twin; margins by the judge's own model of the negative electrode, which is in no strategy.")


def _row(found: "Comparison", row: "Compared") -> tuple[str, ...]:
    gain, unknown = found.gain(row), "not reached" if isfinite(found.margin) else "not known"
    return (
        row.strategy.name,
        _minutes(row.as_it_is),
        _margin(row.as_it_is.margin),
        f"{100 * row.as_it_is.cut:.1f} %",
        (unknown if row.equal is None else _minutes(row.equal)),
        "" if row.equal is None else f"{row.share:.2f}",
        "" if row.equal is None else f"{100 * row.equal.cut:.1f} %",
        f"{gain / 60:+.1f} min" if isfinite(gain) else unknown,
    )


def _minutes(charge: "Tried") -> str:
    return f"{charge.time / 60:.1f} min" if isfinite(charge.time) else "never"


def _margin(margin: float) -> str:
    return f"{margin:.1f} mV" if isfinite(margin) else "not known"


def _content(found: "Comparison") -> dict[str, Any]:
    rows = [
        {
            "strategy": each.strategy.name,
            "as it is": asdict(each.as_it_is),
            "at equal margin": None if each.equal is None else asdict(each.equal),
            "share": each.share,
            "gain": found.gain(each),
            "why": each.why,
        }
        for each in found.rows
    ]
    return {"margin": found.margin, "strategies": rows}
