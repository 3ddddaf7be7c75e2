"""Physical properties of what stands in a world, by name: brought by one simulator, seen by all who know the name.

The leak from a pack to its case is one: a BMS measures it, an insulation tester does, and a defect changes it for both.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from instruments.virtual.lasting import Lasting
from instruments.wording import unlike


@dataclass(slots=True)
class Property:
    """One physical property: its name, its unit (SI) and what it is now. Whoever holds it reads `value` each time."""

    name: str
    unit: str
    value: float
    _lasting: Lasting = field(default_factory=Lasting, init=False, repr=False, compare=False)

    def change(self, value: float) -> Callable[[], None]:
        """Have another value from now on. How that is ended.

        Of several the newest that lasts counts, in whatever order they end.
        """
        return self._lasting.attribute(self, "value", lambda _before: value)


class Properties:
    """The properties of one world, in whatever order its simulators ask for them."""

    def __init__(self) -> None:
        self._known: dict[str, Property] = {}
        self._bringers: dict[str, str] = {}
        self._givers: dict[str, str] = {}

    def see(self, name: str, unit: str, *, by: str, absent: float) -> Property:
        """The property of that name, for the instrument `by`; it is `absent` as long as nobody brings it.

        Raises ValueError where somebody else knows it in another unit.
        """
        known = self._known.setdefault(name, Property(name, unit, absent))
        if known.unit != unit:
            raise ValueError(f"{by} knows the property {name!r} in {unit}, another one in {known.unit}: use one unit")
        return known

    def bring(self, name: str, unit: str, *, by: str, default: float, value: float | None = None) -> Property:
        """Have the property of that name in this world, for the instrument `by`.

        It is `value` where the station says so, else the `default` of who brings it first. Raises ValueError where
        somebody else knows it in another unit, or the station says two different things of it.
        """
        known = self.see(name, unit, by=by, absent=default)
        if name not in self._bringers:
            self._bringers[name], known.value = by, default
        if value is not None:
            self._give(known, value, by)
        return known

    def _give(self, known: Property, value: float, by: str) -> None:
        giver = self._givers.setdefault(known.name, by)
        if giver != by and known.value != value:
            mine, theirs = unlike(value, known.value)
            raise ValueError(
                f"{by} gives the property {known.name!r} as {mine} {known.unit}, {giver} as {theirs} {known.unit}: "
                "a world has one of each, leave one out"
            )
        known.value = value
