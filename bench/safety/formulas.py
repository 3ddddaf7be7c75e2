"""Quantities and limits of a guard, laid out into one function per row layout.

A guard derives some forty values from each row and compares sixty. To call a function for each of them costs more than
what they do: measured in a scan, where all else has passed through the processor's caches in between, twice as much as
one function in which they are written out. So what follows from a row alone may be given as an expression over it, a
`Formula`; whatever remembers earlier rows stays a function. `laid_out` writes both into one list, as `dataclasses` and
`namedtuple` write their methods. Only expressions of this package, and numbers, are written; never anybody's input.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import inf, isnan, nan
from types import MethodType
from typing import Any

Row = Sequence[float]
Quantity = Callable[[Row], float]
"""Derives one value from a row (test time first); it may remember earlier rows and sees each row once."""
Bound = tuple[int, int, float, float]
"""A limit: its number, the position of its value, the least and the most that it allows."""


class Formula:
    """A value that follows from one row, as an expression: `Formula("abs({0} - {1})", 3, 17)`.

    `{0}` and so on are the values of the row at `positions`, `{row}` is the whole of it, other words are `parts`:
    numbers, or objects to be asked.
    """

    def __init__(self, expression: str, *positions: int, **parts: Any) -> None:
        self._expression, self._parts = expression, parts
        self._values = [f"row[{position}]" for position in positions]

    def __call__(self, row: Row) -> float:
        """Its value, by itself."""
        return self._alone(row)

    @cached_property
    def _alone(self) -> Quantity:
        found: Quantity = _written(*self.placed(""))
        return found

    def placed(self, suffix: str) -> tuple[str, dict[str, Any]]:
        """The expression over `row`, and its parts by name, all names with a `suffix` of their own."""
        named = {name: f"{name}{suffix}" for name in self._parts}
        text = self._expression.format(*self._values, row="row", **named)
        return f"({text})", {named[name]: part for name, part in self._parts.items()}


def unless(usual: str, function: Quantity, *positions: int, **parts: Any) -> Formula:
    """0 while `usual` holds, which it nearly always does; else what `function` finds, which is 0 then as well.

    Only what is written out saves the call: `usual` is to be cheap, and false where anything is missing (nan).
    """
    return Formula(f"0.0 if {usual} else {{function}}({{row}})", *positions, function=function, **parts)


def laid_out(quantities: Iterable[Quantity]) -> Callable[[Row], list[float]]:
    """One function that gives a row and, behind it, every quantity of it, derived in their order."""
    texts, parts = ["*row"], dict[str, Any]()
    for number, quantity in enumerate(quantities):
        formula = quantity if isinstance(quantity, Formula) else Formula("{derive}({row})", derive=_called(quantity))
        text, named = formula.placed(f"_{number}")
        texts.append(text)
        parts |= named
    found: Callable[[Row], list[float]] = _written(f"[{', '.join(texts)}]", parts)
    return found


def _called(quantity: Any) -> Quantity:
    """What is called when a quantity is: the method of an object, which Python calls without a way round through C."""
    method = quantity.__call__
    called: Quantity = method if isinstance(method, MethodType) else quantity
    return called


def all_inside(bounds: Iterable[Bound], if_measured: Iterable[Bound] = ()) -> Callable[[Row], bool]:
    """One function that tells whether every value is within its bounds; a missing one (nan) never is.

    Where several limits are on one value the strictest decide, and where a bound is infinite nothing is compared but
    whether there is a number. Of bounds that hold `if_measured` a missing value is outside of none.
    """
    comparisons = [*_comparisons(_strictest(bounds)), *map(_not_outside, if_measured)]
    found: Callable[[Row], bool] = _written(" and ".join(comparisons) or "True", {})
    return found


def _strictest(bounds: Iterable[Bound]) -> Mapping[int, tuple[float, float]]:
    """The least and the most that all limits on a value allow, by its position; a bound that is nan allows nothing."""
    found: dict[int, tuple[float, float]] = {}
    for _, position, low, high in bounds:
        least, most = found.get(position, (-inf, inf))
        unknown = isnan(low) or isnan(high) or isnan(least)
        found[position] = (nan, nan) if unknown else (max(float(low), least), min(float(high), most))
    return found


def _comparisons(allowed: Mapping[int, tuple[float, float]]) -> Iterable[str]:
    """One comparison where one is enough: nan is neither above nor below anything."""
    for position, (low, high) in allowed.items():
        value = f"row[{position}]"
        if low == -inf:
            yield f"{value} <= {high!r}"
        elif high == inf:
            yield f"{value} >= {low!r}"
        else:
            yield f"{low!r} <= {value} <= {high!r}"


def _not_outside(bound: Bound) -> str:
    """Nan is neither above nor below anything."""
    _, position, low, high = bound
    return f"not (row[{position}] < {low!r} or row[{position}] > {high!r})"


def _written(expression: str, parts: Mapping[str, Any]) -> Any:
    """The function of `row` that gives `expression`, with `parts` by name."""
    return eval(f"lambda row: {expression}", {"inf": inf, "nan": nan, **parts})  # noqa: S307 - nobody's input, see above
