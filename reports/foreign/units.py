"""Units in the headers of other programs' tables, and the factor that makes them ours.

Only what is written is believed: a header without a unit has the one that its format's table gives it, and one with a
unit that nobody knows is told instead of guessed.
"""

import re

TWO_FIELDS = {
    **dict.fromkeys(("mm:ss", "m:s", "min:s", "min:sec", "mm:ss.s", "mm:ss.f", "mm:ss.ms", "min:s.ms"), 1.0),
    **dict.fromkeys(("hh:mm", "h:m", "h:min"), 60.0),
}  # fmt: skip
"""Times of two fields, as a header may say them, and how many seconds the last field counts."""
QUANTITIES: dict[str, dict[str, float]] = {
    "s": {"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "ms": 1e-3, "msec": 1e-3, "min": 60, "minutes": 60,
          "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
          "hours in hh:mm:ss.xxx": 1, "h:min:s.ms": 1,
          "hh:mm:ss": 1, "h:m:s": 1, **dict.fromkeys(TWO_FIELDS, 1), "d": 86400, "days": 86400},
    "V": {"v": 1, "volt": 1, "volts": 1, "mv": 1e-3, "kv": 1e3, "uv": 1e-6, "µv": 1e-6},
    "A": {"a": 1, "amp": 1, "amps": 1, "ampere": 1, "amperes": 1, "ma": 1e-3, "mamps": 1e-3, "ka": 1e3, "ua": 1e-6,
          "µa": 1e-6},
    "Ah": {"ah": 1, "amp-hr": 1, "amp-hrs": 1, "ampere hour": 1, "a.h": 1, "a·h": 1, "a*h": 1, "mah": 1e-3,
           "mamp-hr": 1e-3, "ma.h": 1e-3, "ma·h": 1e-3, "ma*h": 1e-3, "uah": 1e-6, "µah": 1e-6, "as": 1 / 3600,
           "mas": 1e-3 / 3600, "mamps-hr": 1e-3,
           "c": 1 / 3600},
    "Wh": {"wh": 1, "watt-hr": 1, "w.h": 1, "w·h": 1, "w*h": 1, "mwh": 1e-3, "mwatt-hr": 1e-3, "mw.h": 1e-3,
           "mw·h": 1e-3, "kwh": 1e3, "ws": 1 / 3600, "mws": 1e-3 / 3600, "j": 1 / 3600},
    "W": {"w": 1, "watt": 1, "watts": 1, "mw": 1e-3, "kw": 1e3},
    "degC": {"degc": 1, "°c": 1, "c": 1, "celsius": 1, "deg c": 1, "℃": 1, "oc": 1, "?": 1, "\ufffd": 1,
             "\ufffdc": 1, "癈": 1},
    "Hz": {"hz": 1},
    "1": {"1": 1, "": 1, "#": 1},
}  # fmt: skip
"""Factor to the unit of a column's label, by that unit and by the unit as a header may write it, in small letters."""
MEGA = {"W": {"MW": 1e6}, "Wh": {"MWh": 1e6}}
"""Units of large stores that are others in small letters."""
_BRACKETS = re.compile(r"^(?P<name>.*?)\s*[(\[{]\s*(?P<unit>[^()\[\]{}]*)\s*[)\]}]\s*$")
_CHANNEL = r"(?:ch|chan|channel|kanal|cell|zelle)"
_BEFORE = re.compile(rf"{_CHANNEL}\s*#?(?P<number>\d{{1,3}})\s+(?P<name>.+)")
_BEHIND = re.compile(rf"(?P<name>.*?[^\s\d])\s*(?:(?:\b{_CHANNEL}|#)\s*)?(?P<number>\d{{1,3}})")
_SLASH = re.compile(r"^(?P<name>.*\S)\s*/\s*(?P<unit>[^/\s]+(?:\s?[Cc])?)\s*$")


def split_header(header: str) -> tuple[str, str | None]:
    """Name and unit of a header (`Current(mA)`, `Voltage / V`, `I/mA`); the unit is None where it has none.

    The name is in small letters, with single spaces.
    """
    text = header.strip().strip("\ufeff~#").strip()
    for form in (_BRACKETS, _SLASH):
        found = form.match(text)
        if found and found["name"]:
            return plain_name(found["name"]), found["unit"].strip()
    return plain_name(text), None


def channel_of(name: str) -> tuple[str, int] | None:
    """What a plain name is called without the number of its channel (`ch1 voltage`, `voltage 2`, `u2`), and that."""
    before, behind = _BEFORE.fullmatch(name), _BEHIND.fullmatch(name)
    found = before or behind
    return (found["name"], int(found["number"])) if found else None


def plain_name(text: str) -> str:
    """A name as it is compared: small letters, single spaces, no underscores."""
    return " ".join(text.replace("_", " ").lower().split())


def factor(unit: str, to: str) -> float | None:
    """What a value in `unit` is multiplied with to be in `to`, the unit of a label; None where nobody knows."""
    mega = MEGA.get(to, {}).get(unit.strip())
    return QUANTITIES.get(to, {}).get(unit.strip().lower().replace("\u03bc", "µ")) if mega is None else mega


def is_unit(text: str) -> bool:
    """Whether somebody knows it as the unit of something."""
    return any(factor(text, to) is not None for to in QUANTITIES)


def unit_of(label: str) -> str:
    """The unit of one of our labels: `V` of `Voltage / V`."""
    return label.rpartition(" / ")[2]
