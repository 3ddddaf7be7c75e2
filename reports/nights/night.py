"""What a session told of its tests: verdicts, figures and limits, and what it was made with; one file of it a night."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from math import isfinite, nan
from typing import Any, NamedTuple

from bench import verdicts
from bench.recording.session_log import Session
from bench.verdicts import Measurement
from reports.health.measures import Health, of_all
from reports.outcome import Outcome
from reports.tables import Row

SCHEMA = 1
DEVICE = ("model", "serial_number", "firmware", "calibration_due")
"""What is kept of an instrument."""
FAILED = frozenset(map(str, verdicts.FAILED.values()))
"""Verdicts that say that something under test has failed."""
JUDGED = ("PASS", *FAILED, "INCONCLUSIVE")
"""Verdicts that say something of what is under test."""


class Who(NamedTuple):
    """By what a test of one night is found in another: the same test of the same specimen."""

    nodeid: str
    pack: str
    serial: str

    @classmethod
    def of(cls, nodeid: str, manifest: Mapping[str, Any]) -> "Who":
        """From the manifest of a run."""
        pack = manifest.get("pack") or {}
        return cls(nodeid, str(pack.get("name") or ""), str(pack.get("serial_number") or ""))


class What(NamedTuple):
    """By what a figure of a test is found in another night."""

    step: str
    name: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a run in its unit: half-width of its uncertainty and its limits, None where there is none."""

    name: str
    step: str
    value: float
    unit: str
    uncertainty: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def what(self) -> What:
        """See `What`."""
        return What(self.step, self.name)

    @property
    def limit(self) -> float | None:
        """The nearest of its limits."""
        limits = [each for each in (self.at_least, self.at_most) if each is not None]
        return min(limits, key=lambda limit: abs(self.value - limit), default=None)

    @property
    def margin(self) -> float | None:
        """Distance to the nearest limit, negative beyond it; None without one."""
        margin = Measurement(self.name, self.value, self.unit, self.at_least, self.at_most).margin
        return margin if margin is not None and isfinite(margin) else None

    @property
    def share(self) -> float | None:
        """The margin as a part of its limit, so that figures of several units are beside each other."""
        if self.margin is None or self.limit is None:
            return None
        return self.margin / abs(self.limit) if self.limit else self.margin

    @classmethod
    def of(cls, row: Row) -> "Figure":
        """Of a row of a report."""
        judged = row.measurement
        limits = (judged.at_least, judged.at_most) if judged else (None, None)
        return cls(row.name, row.step, row.value, row.unit, row.uncertainty, *limits)


@dataclass(frozen=True, slots=True)
class Told:
    """One test of a night."""

    nodeid: str
    verdict: str
    title: str = ""
    pack: str = ""
    serial: str = ""
    waived: bool = False
    reason: str = ""
    fault: str = ""
    run: str = ""
    figures: Sequence[Figure] = ()

    @property
    def who(self) -> Who:
        """See `Who`."""
        return Who(self.nodeid, self.pack, self.serial)

    @property
    def is_judged(self) -> bool:
        """Whether it says something of what is under test."""
        return self.verdict in JUDGED

    @property
    def has_failed(self) -> bool:
        """Whether what is under test has failed it."""
        return self.verdict in FAILED

    @property
    def tightest(self) -> Figure | None:
        """The figure that is nearest to its limit, or furthest beyond it."""
        limited = [(figure.share, figure) for figure in self.figures if figure.share is not None]
        return min(limited, key=lambda each: each[0])[1] if limited else None

    def figure(self, what: What) -> Figure | None:
        """One of its figures."""
        return next((figure for figure in self.figures if figure.what == what), None)

    @classmethod
    def of(cls, test: Outcome) -> "Told":
        """Of a test of a report."""
        who = Who.of(test.nodeid, test.manifest)
        return cls(
            test.nodeid, test.verdict, test.title, who.pack, who.serial, test.waived, test.reason,
            str(test.cause.get("fault") or ""), str(test.manifest.get("run_id") or ""),
            tuple(map(Figure.of, test.rows)),
        )  # fmt: skip


@dataclass(frozen=True)
class Night:
    """A session on one station: when, of which revision, with what; `name` is that of its file, and sorts by time."""

    name: str
    started: str
    station: str = ""
    git: str = ""
    dirty: bool = False
    defects: Sequence[str] = ()
    tests: Sequence[Told] = field(default_factory=tuple)
    health: Health = field(default_factory=dict)
    """Of the bench, by instrument and measure; empty in nights from before it was kept."""
    made_from: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of station, packs and test files by what they are: `station virtual-module`, `pack lfp-24s`, `test …`."""
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of each instrument by its name: model, serial number, firmware, last day of its calibration."""

    @cached_property
    def by_who(self) -> Mapping[Who, Told]:
        """Its tests, to be found."""
        return {test.who: test for test in self.tests}

    @property
    def unlike_others(self) -> str:
        """Why it is none to compare later nights with; empty where it is one."""
        if self.defects:
            return f"defects were seeded ({', '.join(self.defects)})"
        return f"revision {self.git} had local changes" if self.dirty else ""

    @property
    def day(self) -> str:
        """Date and minute, as people write it."""
        return self.started[:16].replace("T", " ")

    @classmethod
    def of(cls, tests: Sequence[Outcome], session: Session | None) -> "Night | None":
        """Of what a report tells; None where there was no run on any station."""
        manifests = [test.manifest for test in tests if test.manifest]
        if not manifests:
            return None
        first = min(manifests, key=lambda manifest: str(manifest.get("started") or ""))
        versions = [manifest.get("versions", {}) for manifest in manifests]
        started = session.started if session else str(first.get("started") or "")
        return cls(
            session.id if session and session.id else str(first["run_id"]).replace("/", "-"), started,
            _all(sorted(str(manifest["station"]["name"]) for manifest in manifests)),
            _all(str(each.get("git") or "") for each in versions), any(each.get("git_dirty") for each in versions),
            tuple(dict.fromkeys(str(each) for manifest in manifests for each in manifest.get("defects", ()))),
            tuple(map(Told.of, tests)),
            of_all(manifests), files_of(manifests), devices_of(manifests),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """For its file, without what JSON has no number for."""
        kept = asdict(self)
        for figure in (figure for test in kept["tests"] for figure in test["figures"]):
            figure.update({name: None for name, value in figure.items() if _is_no_number(value)})
        health = {name: _finite(told) for name, told in self.health.items()}
        return {"schema": SCHEMA, **kept, "health": health}

    @classmethod
    def read(cls, kept: Mapping[str, Any], *, figures: bool = True) -> "Night":
        """From its file, with or without figures; raises `KeyError`, `TypeError` or `ValueError` for another file."""
        if kept["schema"] != SCHEMA:
            raise ValueError(f"schema {kept['schema']!r}")
        tests = tuple(_told(each, figures) for each in kept["tests"])
        beside = {
            "health": {str(name): _numbers(told) for name, told in (kept.get("health") or {}).items()},
            "made_from": {str(what): str(digest) for what, digest in (kept.get("made_from") or {}).items()},
            "devices": {str(name): tuple(map(str, told)) for name, told in (kept.get("devices") or {}).items()},
        }
        return cls(**{**_own(cls, kept), "defects": tuple(kept["defects"]), "tests": tests, **beside})


def _all(names: Iterable[str]) -> str:
    """Each once: jobs that were joined may have been on several stations, or of several revisions."""
    return " and ".join(dict.fromkeys(filter(None, names)))


def _finite(told: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in told.items() if isfinite(value)}


def _numbers(told: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in told.items() if value is not None}


def files_of(manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What runs were made from: see `Night.made_from`."""
    found: dict[str, str] = {}
    for manifest in manifests:
        for kind in ("station", "pack"):
            told = manifest.get(kind) or {}
            found[f"{kind} {told.get('name', '')}"] = str(told.get("sha256") or "")
        test = manifest.get("test") or {}
        if test.get("file"):
            found[f"test {test['file']}"] = str(test.get("sha256") or "")
    return found


def devices_of(manifests: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """What the instruments of runs are: see `Night.devices`."""
    told = (device for manifest in manifests for device in manifest.get("instruments", ()))
    return {str(device["name"]): tuple(str(device.get(key) or "") for key in DEVICE) for device in told}


def _own(kind: type, kept: Mapping[str, Any]) -> dict[str, Any]:
    return {name: kept[name] for name in _names(kind) if name in kept}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def _told(kept: Mapping[str, Any], figures: bool) -> Told:
    return Told(**{**_own(Told, kept), "figures": tuple(map(_figure, kept["figures"])) if figures else ()})


def _figure(kept: Mapping[str, Any]) -> Figure:
    value = nan if kept["value"] is None else float(kept["value"])
    return Figure(**{**_own(Figure, kept), "value": value})


def _is_no_number(value: object) -> bool:
    return isinstance(value, float) and not isfinite(value)
