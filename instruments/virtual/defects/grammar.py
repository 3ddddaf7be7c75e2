"""Seeded defects: what a virtual bench can be asked to get wrong, as short words on a command line or in a test.

Parsing and checking only: `injection` puts them into effect. Behind `@` stands when: `silent:supply@120` from that
bench time (s after the world was opened) on; `silent:supply@120+3` for 3 s; `silent:supply@120+3/20` for 3 s every
20 s, as an intermittent fault does. Without the first number it begins at once: `silent:supply@+3/20`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf, nan

# name: what its parts are, with their units; brackets hold a part that may be left out
FORMS = {
    "weak-cell": "weak-cell:<cell from 1>:<capacity factor>",
    "high-resistance": "high-resistance:<cell from 1>:<resistance factor>",
    "chamber-stuck": "chamber-stuck[:<degC>]",
    "chamber-alarm": "chamber-alarm[:<after s>]",
    "bms-silent": "bms-silent[:<after s>]",
    "insulation": "insulation:<Ohm>",
    "open-sensor": "open-sensor:<sensor from 1>",
    "wrong-identity": "wrong-identity:<instrument>",
    "silent": "silent:<instrument>[:<after s>]",
    "timeout": "timeout:<instrument>[:<replies>]",
    "late-reply": "late-reply:<instrument>[:<replies>]",
    "garbage": "garbage:<instrument>[:<replies>]",
    "half-line": "half-line:<instrument>[:<replies>]",
    "duplicate-reply": "duplicate-reply:<instrument>[:<replies>]",
    "slow": "slow:<instrument>:<s>",
    "disconnect": "disconnect:<instrument>",
    "reconnect": "reconnect:<instrument>",
    "idle-close": "idle-close:<instrument>:<s>",
    "refuses-sets": "refuses-sets:<instrument>",
    "ignores-set": "ignores-set:<instrument>",
    "error-queue-full": "error-queue-full:<SCPI instrument>",
    "protection-latched": "protection-latched:<output>",
    "local-mode": "local-mode:<supply>",
    "panel-pressed": "panel-pressed:<supply or load>",
    "output-stays-on": "output-stays-on:<supply or load>",
    "output-lies": "output-lies:<supply or load>",
    "meter-gain": "meter-gain:<supply or load>:<factor>[:<voltage or current>]",
    "meter-offset": "meter-offset:<supply or load>:<A>",
    "sensor-stuck": "sensor-stuck:<sensor from 1>",
    "sensor-reversed": "sensor-reversed:<sensor from 1>",
    "sensor-drift": "sensor-drift:<sensor from 1>:<K/h>",
    "unit-changed": "unit-changed:<logger>",
    "sense-lead-loose": "sense-lead-loose:<cell from 1>",
    "chamber-runaway": "chamber-runaway:<K/h>",
    "chamber-off": "chamber-off",
    "internal-short": "internal-short:<cell from 1>:<Ohm>",
    "self-discharge": "self-discharge:<cell from 1>:<A leaking>",
    "thermal-runaway": "thermal-runaway:<cell from 1>:<W>",
    "cooling-lost": "cooling-lost[:<share left>]",
    "fuse-blown": "fuse-blown",
    "contactor-welded": "contactor-welded",
    "contactor-stuck-open": "contactor-stuck-open",
    "precharge-fails": "precharge-fails",
    "shunt-drift": "shunt-drift:<share/h>",
    "bus-off": "bus-off",
    "missing-message": "missing-message:<message>",
    "frozen-counter": "frozen-counter",
    "wrong-checksum": "wrong-checksum",
    "out-of-range": "out-of-range:<signal>",
    "bms-frozen-values": "bms-frozen-values",
    "bms-error": "bms-error[:<fault signal>]",
    "fault-bit": "fault-bit:<fault signal>",
    "emergency-stop": "emergency-stop",
    "bms-restart": "bms-restart[:<s>]",
    "second-node": "second-node",
    "min-above-max": "min-above-max:<extreme>",
    "soc-jump": "soc-jump:<share>",
    "frozen-signal": "frozen-signal:<signal>",
    "contactor-closed": "contactor-closed",
    "chamber-lies": "chamber-lies:<K/h>",
    "panel-on": "panel-on:<output>:<A set>",
    "foreign-sets": "foreign-sets:<supply or load>:<A set>",
    "surge": "surge:<supply>:<factor>",
}
FOR_GOOD = frozenset({"weak-cell", "thermal-runaway", "fuse-blown"})
"""What nobody can mend and what does not end by itself either."""

Part = float | int | str


@dataclass(frozen=True, slots=True)
class Known:
    """What a world has, for the parts that name something."""

    cells: int
    sensors: int
    named: Mapping[str, Collection[str]]
    """The names that may stand where a form has this between its angle brackets."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: its word as given, its name, its parts in order, from when on (s after opening), for how long (s).

    Cells and sensors are counted from 0 here. A part that was left out is not in `parts`. One that comes and goes
    begins anew `every` so many s.
    """

    text: str
    name: str
    parts: tuple[Part, ...] = ()
    at: float = 0.0
    lasting: float = inf
    every: float = inf

    def number(self, place: int, default: float = nan) -> float:
        """A part that is a number, or `default` where it was left out."""
        return float(self.parts[place]) if place < len(self.parts) else default

    def index(self, place: int = 0) -> int:
        """A part that is a cell or a sensor."""
        return int(self.parts[place])

    def word(self, place: int = 0) -> str:
        """A part that is a name."""
        return str(self.parts[place])


def parse_defects(texts: Sequence[str], known: Known) -> tuple[Defect, ...]:
    """Read defects such as `weak-cell:7:0.7@60`.

    Raises ValueError, one sentence with the allowed form, for an unknown name, a wrong part, a cell outside the
    string or an instrument that the station does not have.
    """
    return tuple(_Reader(text, known).read() for text in texts)


def optional_parts(name: str) -> int:
    """How many of a defect's parts may be left out."""
    return FORMS[name].count("[")


@dataclass(slots=True)
class _Reader:
    """One word on its way to a defect."""

    text: str
    known: Known
    form: str = ""
    parts: list[Part] = field(default_factory=list)

    def read(self) -> Defect:
        word, at_sign, when = self.text.partition("@")
        name, *values = word.split(":")
        if name not in FORMS:
            raise ValueError(f"unknown defect {name!r} in {self.text!r}: {nearest(name, FORMS)}")
        self.form = FORMS[name]
        kinds = [kind.partition(">")[0] for kind in self.form.split("<")[1:]]
        if not len(kinds) - optional_parts(name) <= len(values) <= len(kinds):
            raise ValueError(f"defect {self.text!r} has {len(values)} parts behind its name: write {self.form}")
        at, lasting, every = self._times(name, when) if at_sign else (0.0, inf, inf)
        for kind, value in zip(kinds, values, strict=False):
            if kind == "after s":
                at = self._number(value, at_least=0.0)
            else:
                self.parts.append(self._part(kind, value))
        return Defect(self.text, name, tuple(self.parts), at, lasting, every)

    def _times(self, name: str, when: str) -> tuple[float, float, float]:
        """When it begins, how long it lasts, after how long it comes again, s: `120`, `120+3`, `120+3/20`, `+3/20`."""
        since, plus, rest = when.partition("+")
        lasts, slash, again = rest.partition("/")
        at = self._number(since, at_least=0.0) if since or not plus else 0.0
        lasting = self._number(lasts, above=0.0) if plus else inf
        every = self._number(again, above=lasting) if slash else inf
        if plus and name in FOR_GOOD:
            raise ValueError(f"defect {self.text!r} cannot come and go: {name} is for good, leave {'+' + rest!r} out")
        return at, lasting, every

    def _part(self, kind: str, value: str) -> Part:
        read = READERS.get(kind)
        return self._one_of(value, self.known.named[kind], kind) if read is None else read(self, value)

    def _check(self, value: str, read: Callable[[str], float], allowed: Callable[[float], bool], what: str) -> float:
        try:
            number = read(value)
        except ValueError:
            number = nan
        if not allowed(number):
            raise ValueError(f"defect {self.text!r} has {value!r} where {what} is needed: write {self.form}")
        return number

    def _number(self, value: str, *, above: float = -inf, at_least: float = -inf) -> float:
        bound = f" of at least {at_least:g}" if at_least > -inf else f" above {above:g}" if above > -inf else ""
        return self._check(value, float, lambda v: above < v < inf and v >= at_least, f"a number{bound}")

    def _index(self, value: str, count: int) -> int:
        return int(self._check(value, int, lambda v: 1 <= v <= count, f"a whole number from 1 to {count}")) - 1

    def _one_of(self, value: str, names: Collection[str], kind: str) -> str:
        if value not in names:
            known = nearest(value, names) if names else "there is none"
            raise ValueError(f"defect {self.text!r} names {value!r}, which is no {kind} of this bench: {known}")
        return value


Read = Callable[[_Reader, str], Part]

READERS: Mapping[str, Read] = {
    "cell from 1": lambda reader, value: reader._index(value, reader.known.cells),
    "sensor from 1": lambda reader, value: reader._index(value, reader.known.sensors),
    "replies": lambda reader, value: reader._index(value, 1_000_000) + 1,
    "capacity factor": lambda reader, value: reader._number(value, above=0.0),
    "resistance factor": lambda reader, value: reader._number(value, above=0.0),
    "factor": lambda reader, value: reader._number(value, above=0.0),
    "share left": lambda reader, value: reader._number(value, above=0.0),
    "share": lambda reader, value: reader._number(value),
    "share/h": lambda reader, value: reader._number(value),
    "K/h": lambda reader, value: reader._number(value),
    "A": lambda reader, value: reader._number(value),
    "A set": lambda reader, value: reader._number(value, above=0.0),
    "A leaking": lambda reader, value: reader._number(value, above=0.0),
    "W": lambda reader, value: reader._number(value, above=0.0),
    "degC": lambda reader, value: reader._number(value, above=-273.15),
    "Ohm": lambda reader, value: reader._number(value, above=0.0),
    "s": lambda reader, value: reader._number(value, above=0.0),
}
"""How a part is read, by what stands between its angle brackets; what is not here is a name."""


def nearest(name: str, allowed: Collection[str]) -> str:
    """The end of an error sentence: the nearest allowed name, or all of them."""
    near = get_close_matches(name, allowed, n=1)
    listed = ", ".join(sorted(allowed))
    return f"did you mean {near[0]!r}? Allowed are {listed}" if near else f"allowed are {listed}"
