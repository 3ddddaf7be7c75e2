"""The SCPI grammar: message text in, calls with typed parameters out. No instrument, no state, no dispatch policy.

A `Grammar` is a table of header patterns in the notation of the manuals (`[SOURce:]VOLTage[:LEVel][?]`,
`MEASure<n>:VOLTage?`); what a pattern stands for is the table's own value. It is used by the simulators only
for parsing: a driver writes its strings by hand, so that one mistake cannot hide another. Sources: SCPI-99
volume 1 chapters 6 and 7, IEEE 488.2 clause 7, and the two manuals that bend them (EA PGMBEN rev. 24 p37, NGI
SCPI V20240130 p4).
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache, partial
from typing import Generic, NamedTuple, TypeVar

Target = TypeVar("Target")
Held_co = TypeVar("Held_co", covariant=True)

REMEMBERED = 512
"""Messages whose meaning is remembered: the upload of a table, and what is asked in every scan. Set points that never
come again fill whatever there is, and the more of them the further is their memory from the processor."""

LONGEST_CHANNEL_LIST = 1000


class Fault(IntEnum):
    """What can be wrong with a message: SCPI-99 error numbers (volume 2, chapter 21.8)."""

    SYNTAX = -102
    PARAMETER_NOT_ALLOWED = -108
    MISSING_PARAMETER = -109
    UNDEFINED_HEADER = -113
    SUFFIX_OUT_OF_RANGE = -114
    CANNOT_QUERY = -115  # NGI's meaning of the number; SCPI-99 has none for it
    MUST_QUERY = -116  # likewise
    NUMERIC_DATA = -120
    INVALID_SUFFIX = -131
    INVALID_EXPRESSION = -171
    SETTINGS_CONFLICT = -221
    OUT_OF_RANGE = -222
    TOO_MUCH_DATA = -223
    ILLEGAL_VALUE = -224


class ScpiError(Exception):
    """A message, or one unit of it, that an instrument cannot take: `number` is the SCPI error number."""

    def __init__(self, number: int, found: str) -> None:
        super().__init__(f"SCPI error {number}: {found!r}")
        self.number = number
        self.found = found


class Call(NamedTuple, Generic[Held_co]):
    """One program message unit, resolved: what the table holds for its header, and its parameters as written.

    `suffixes` has one entry for each `<n>` of the pattern (1 where none was written, SCPI-99 6.2.5.2);
    `channels` is the expanded channel list, empty where there is none.
    """

    target: Held_co
    query: bool
    suffixes: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()

    def only(self) -> str:
        """Return the single parameter; raises `ScpiError` -109 for none, -108 for more than one."""
        if len(self.parameters) == 1:
            return self.parameters[0]
        if self.parameters:
            raise ScpiError(Fault.PARAMETER_NOT_ALLOWED, ",".join(self.parameters))
        raise ScpiError(Fault.MISSING_PARAMETER, "")


Unit = Call[Target] | ScpiError


@dataclass(slots=True)
class _Node(Generic[Target]):
    """A place in the command tree. `ends` maps "is a query" to what the table holds for a header ending here."""

    children: dict[str, "_Node[Target]"] = field(default_factory=dict)
    numbered: bool = False
    ends: dict[bool, Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place(Generic[Target]):
    """A node and the numeric suffixes written on the way to it: `SOUR4:VOLT 2;OUTCURR 1` means channel 4 twice."""

    node: _Node[Target]
    suffixes: tuple[int, ...] = ()

    def descend(self, name: str, text: str) -> "_Place[Target]":
        """Go to the child written as `name`; `text` is the header, for the error."""
        child = self.node.children.get(name)
        if child is not None:
            return _Place(child, (*self.suffixes, 1) if child.numbered else self.suffixes)
        plain = name.rstrip("0123456789")
        child = self.node.children.get(plain)
        if child is None or plain == name:
            raise ScpiError(Fault.UNDEFINED_HEADER, text)
        if not child.numbered or len(name) - len(plain) > 4:
            raise ScpiError(Fault.SUFFIX_OUT_OF_RANGE, text)
        return _Place(child, (*self.suffixes, int(name[len(plain) :])))


class Grammar(Generic[Target]):
    """A command tree built from patterns, and a cache of the messages parsed with it.

    Patterns: capitals are the short form, square brackets an optional node, `<n>` a numeric suffix; a trailing `?`
    is a query only, `[?]` a command with a query form, nothing a command that cannot be queried.
    """

    def __init__(self, table: Mapping[str, Target], *, remembered: int = REMEMBERED) -> None:
        self._root: _Node[Target] = _Node()
        for pattern, target in table.items():
            self._add(pattern, target)
        self.parse = lru_cache(maxsize=remembered)(self._parse)
        # Headers are few and come with ever new values: what follows from one is found once.
        self._top = _Place(self._root)
        self._from_root = lru_cache(maxsize=remembered)(partial(self._find, self._top))
        # And of messages of several units many begin alike: with the row, or the channel, that a value is for.
        self._first = lru_cache(maxsize=remembered)(partial(self._unit, self._top))

    def _add(self, pattern: str, target: Target) -> None:
        forms = (True, False) if pattern.endswith("[?]") else (pattern.endswith("?"),)
        path = pattern.removesuffix("[?]").removesuffix("?")
        optional = r"\[:?([^\]:]+):?\]"
        for names in _variants(re.findall(rf"{optional}|([^:\[\]]+)", path)):
            node = self._root
            for name in names:
                node = self._child(node, name)
            for query in forms:
                node.ends[query] = target

    @staticmethod
    def _child(parent: _Node[Target], name: str) -> _Node[Target]:
        plain = name.removesuffix("<n>")
        short = re.sub("[a-z]", "", plain)
        child = parent.children.get(short)
        if child is None:
            child = _Node()
        parent.children[short] = parent.children[plain.upper()] = child
        child.numbered = child.numbered or name.endswith("<n>")
        return child

    def _parse(self, message: str) -> tuple[Unit[Target], ...]:
        """Resolve a message into its units, in order; a unit that cannot be resolved is a `ScpiError` in its place.

        Never raises. Common commands leave the tree where it is and take no root colon (IEEE 488.2 clause 7.6).
        `Grammar.parse` is this behind a cache: a repeated message costs a dictionary look-up.
        """
        setting = _SETTING.fullmatch(message)
        if setting is not None:
            return (self._set(*setting.groups()),)
        units: list[Unit[Target]] = []
        here = root = self._top
        try:
            texts = _split(message, ";")
        except ScpiError as error:
            return (error,)
        for text in filter(None, map(str.strip, texts)):
            try:
                call, here = self._first(text) if here is root else self._unit(here, text)
            except ScpiError as error:
                units.append(error)
                here = root
            else:
                units.append(call)
        return tuple(units)

    def _set(self, header: str, parameter: str) -> Unit[Target]:
        """Resolve a message that is one header and one number or word: as set points are, each with another number."""
        try:
            target, suffixes, _ = self._from_root(header.removeprefix(":"), False)
        except ScpiError as error:
            return error
        return Call(target, False, suffixes, (parameter,))

    def _unit(self, here: "_Place[Target]", text: str) -> tuple[Call[Target], "_Place[Target]"]:
        match = _HEADER.match(text)
        if match is None:
            raise ScpiError(Fault.SYNTAX, text)
        written, mark, rest = match.groups()
        query, common, header = mark is not None, written.startswith("*"), written.removeprefix(":")
        if header.startswith("*") and not common:
            raise ScpiError(Fault.UNDEFINED_HEADER, text)
        from_root = common or header != written or here.node is self._root
        found = self._from_root(header, query) if from_root else self._find(here, header, query)
        target, suffixes, parent = found
        channels, parameters = _arguments(rest) if rest else ((), ())
        return Call(target, query, suffixes, parameters, channels), here if common else parent

    @staticmethod
    def _find(start: "_Place[Target]", header: str, query: bool) -> "tuple[Target, tuple[int, ...], _Place[Target]]":
        """What a header stands for that is read from `start` on, its suffixes, and where the next one is read from."""
        parent = place = start
        for name in header.upper().split(":"):
            parent, place = place, place.descend(name, header)
        ends = place.node.ends
        if query not in ends:
            fault = Fault.UNDEFINED_HEADER if not ends else Fault.CANNOT_QUERY if query else Fault.MUST_QUERY
            raise ScpiError(fault, header)
        return ends[query], place.suffixes, parent


_HEADER = re.compile(
    r"(?P<header>:?\*?[A-Za-z][A-Za-z0-9_:]*)(?P<query>\?)?(?P<rest>(?:\s|(?<=\?)|(?=\()).*)?$", re.DOTALL
)
_SETTING = re.compile(r"(:?[A-Za-z][A-Za-z0-9_:]*) ([^\s;,'\"()]+)")
_CHANNELS = re.compile(r"\(\s*@([^()]*)\)")
_MARKS = {separator: re.compile(f"[\"'(){separator}]") for separator in ";,"}
_NUMBER = re.compile(r"(?P<value>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,5})?)\s*(?P<suffix>[A-Za-z%µΩ/]*)$")
_PREFIXES = {"EX": 1e18, "PE": 1e15, "T": 1e12, "G": 1e9, "MA": 1e6, "K": 1e3, "": 1.0}
_PREFIXES |= {"M": 1e-3, "U": 1e-6, "µ": 1e-6, "N": 1e-9, "P": 1e-12}


def _variants(nodes: Sequence[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """Every way to write a header: with and without each optional node."""
    if not nodes:
        yield ()
        return
    optional, required = nodes[0]
    for rest in _variants(nodes[1:]):
        yield (optional or required, *rest)
        if optional:
            yield rest


def _split(text: str, separator: str) -> Sequence[str]:
    """Split at separators that stand outside quotes and parentheses."""
    parts = text.split(separator)
    if '"' in text or "'" in text:
        return tuple(_outside(text, separator))
    for part in parts:
        if part.count("(") != part.count(")"):
            return tuple(_outside(text, separator))
    return parts  # as nearly always: no separator stands inside anything


def _outside(text: str, separator: str) -> Iterator[str]:
    """What is between those separators, found letter by letter."""
    start, depth, quote = 0, 0, ""
    for mark in _MARKS[separator].finditer(text):
        letter = mark[0]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif depth == 0:
            yield text[start : mark.start()]
            start = mark.end()
    if quote or depth:
        raise ScpiError(Fault.SYNTAX, text)
    yield text[start:]


def _arguments(text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Take the channel list, wherever it stands (NGI writes it behind a value: `5(@1,2)`), and the parameters."""
    channels: tuple[int, ...] = ()
    if "(" in text and not text.lstrip().startswith(("'", '"')):
        found = _CHANNELS.search(text)
        if found is None:
            raise ScpiError(Fault.INVALID_EXPRESSION, text)
        channels = channel_list(found[1])
        text = text[: found.start()].rstrip().removesuffix(",") + text[found.end() :]
    if not text.strip():
        return channels, ()
    return channels, tuple([part.strip() for part in _split(text, ",")])


@lru_cache(maxsize=256)
def channel_list(text: str) -> tuple[int, ...]:
    """Expand the inside of `(@1,2,5:8)` into channel numbers, in the order written.

    Raises `ScpiError` -171 for anything else and -223 for more than 1000 channels.
    """
    channels: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?::\s*(\d{1,6})\s*)?", part, re.ASCII)
        if match is None:
            raise ScpiError(Fault.INVALID_EXPRESSION, text)
        first, last = int(match[1]), int(match[2] or match[1])
        step = 1 if last >= first else -1
        if len(channels) + abs(last - first) >= LONGEST_CHANNEL_LIST:
            raise ScpiError(Fault.TOO_MUCH_DATA, text)
        channels.extend(range(first, last + step, step))
    return tuple(channels)


def number(
    text: str,
    unit: str = "",
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    default: float | None = None,
) -> float:
    """Read a numeric parameter in `unit` (`20.45V`, `500mA`, `3kW`, `MIN`, `MAX`, `DEF`) and check its range.

    Prefixes are SCPI-99's: `M` is milli, `MA` mega, except that MOHM and MHZ are mega (7.2.1). Raises `ScpiError`: -120
    for what is no number, -131 for another unit, -222 outside [minimum, maximum].
    """
    match = _NUMBER.match(text.strip())
    if match is None:
        return _named(text, minimum, maximum, default)
    digits, suffix = match.groups()
    value = float(digits) * _scale(suffix.upper(), unit.upper(), text) if suffix else float(digits)
    if not minimum <= value <= maximum or math.isinf(value):
        raise ScpiError(Fault.OUT_OF_RANGE, text)
    return value


def _named(text: str, minimum: float, maximum: float, default: float | None) -> float:
    """A value that is called by its name; raises `ScpiError` where it has none, or is none."""
    named = {"MIN": minimum, "MINIMUM": minimum, "MAX": maximum, "MAXIMUM": maximum, "DEF": default, "DEFAULT": default}
    keyword = text.strip().upper()
    if keyword not in named:
        raise ScpiError(Fault.NUMERIC_DATA, text)
    value = named[keyword]
    if value is None or math.isinf(value):
        raise ScpiError(Fault.ILLEGAL_VALUE, text)
    return value


def _scale(suffix: str, unit: str, text: str) -> float:
    prefix = suffix.removesuffix(unit) if unit and suffix.endswith(unit) else None
    if prefix == "M" and unit in {"OHM", "HZ"}:
        return 1e6
    if prefix is None or prefix not in _PREFIXES:
        raise ScpiError(Fault.INVALID_SUFFIX, text)
    return _PREFIXES[prefix]


def boolean(text: str) -> bool:
    """Read `ON`/`OFF`/`1`/`0`; raises `ScpiError` -224 for anything else."""
    keyword = text.strip().upper()
    if keyword in {"ON", "1"}:
        return True
    if keyword in {"OFF", "0"}:
        return False
    raise ScpiError(Fault.ILLEGAL_VALUE, text)


def choice(text: str, *patterns: str) -> str:
    """Match a keyword against patterns such as `SIGNal`; returns the short form, raises `ScpiError` -224."""
    keyword = text.strip().upper()
    for pattern in patterns:
        short = re.sub("[a-z]", "", pattern)
        if keyword in {short, pattern.upper()}:
            return short
    raise ScpiError(Fault.ILLEGAL_VALUE, text)


def string(text: str) -> str:
    """Take the quotes off a string parameter; unquoted text is returned as it is (EA's manual writes both)."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text
