"""Numbers as instruments write them: with a unit or without, with a prefix, and how well they are known."""

import re
from math import isinf, nan

SCPI_INFINITY = 9.9e37
"""SCPI-1999 vol. 1, 7.2.1.4 and 7.2.1.5: 9.9E37 stands for infinity, 9.91E37 for not a number."""

LONGEST_EXPONENT = 9
"""Characters of an exponent that is read: no float needs half as many."""

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kMmuµ]?)([^\d\s,;]*)\s*")
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "µ": 1e-6}


def parse_number(text: str, unit: str = "") -> float:
    """Read a number as instruments write it: `20.45V`, `3.5kW`, `+1.25E+01`; `nan` for 9.9E37.

    A reply without any unit is taken to be in the instrument's base unit, which is `unit`.
    Raises `ValueError` for anything else.
    """
    try:
        value = float(text.removesuffix(unit))
    except ValueError:
        value = _prefixed_number(text, unit)
    return value if -SCPI_INFINITY < value < SCPI_INFINITY else nan


def _prefixed_number(text: str, unit: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError("a number was expected")
    digits, prefix, found = match.groups()
    if prefix + found == unit:
        return float(digits)
    if found != unit:
        raise ValueError(f"a value in {unit} was expected" if unit else "a number without unit was expected")
    return float(digits) * _PREFIXES[prefix]


def last_digit(text: str, unit: str = "") -> float:
    """Weigh the last digit of a number as text, in `unit`: `20.45V` is known to 0.01 V.

    0 for what is no number, or one beyond all measure: then nothing is forgiven.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return 0.0
    digits, prefix, found = match.groups()
    if prefix + found == unit:
        prefix = ""
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    if len(exponent) > LONGEST_EXPONENT:
        return 0.0
    weight = _PREFIXES[prefix] * float(f"1e{int(exponent or 0) - decimals}")
    return 0.0 if isinf(weight) else weight


def check_whole(name: str, option: str, value: object) -> None:
    """Raise `ValueError`, one sentence, for an option of an instrument that is no whole number."""
    if type(value) is not int:
        raise ValueError(f"{name}: {option} {value!r} must be a whole number.")
