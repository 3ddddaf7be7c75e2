"""What became of each test of a session: its Allure result joined with the manifest of its run.

The front page is written from these. A verdict is never better than the worse of the two says.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.recording.aftermath import left_by
from bench.recording.session_log import TestEnd
from bench.verdicts import FAILED, NOT_RUN, SELDOM, Verdict, worst
from reports import results, tables
from reports.lighter import allure_id
from reports.tables import Row

PREFIX = re.compile(
    r"^(?:(?:INCONCLUSIVE|TEST ERROR|BENCH FAULT|ABORTED|NOT RUN|(?:CHARGER |MANAGER )?FAIL): )?"
    r"(?:[\w.]+: )?(?:(?:INCONCLUSIVE|NOT RUN): )?"
)
ORDER = (
    "FAIL",
    "CHARGER FAIL",
    "MANAGER FAIL",
    "BENCH FAULT",
    "TEST ERROR",
    "ABORTED",
    NOT_RUN,
    "INCONCLUSIVE",
    "PASS",
)  # as a reviewer wants to read them
AT_LENGTH = ("descriptionHtml", "steps")
"""What a result has for Allure's page alone: most of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: verdict, title, what was measured or tripped, and the files that show it.

    `manifest` is that of its run, without the limits of the guard.
    """

    verdict: str
    title: str
    nodeid: str
    allure_id: str
    message: str
    requirements: tuple[str, ...]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    trip: Row | None = None
    picture: Path | None = None
    interactive: Path | None = None
    forensics: Path | None = None
    bench: str = ""
    """How the bench was left; see `bench.recording.aftermath`."""
    left: str = ""
    """What a person has to do about it, where it is not verified safe."""
    waived: bool = False
    waiver: str = ""
    """See `bench.recording.session_log.TestEnd`."""
    _rows: list[Row] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def rows(self) -> list[Row]:
        """The table of the run's figures, empty when there was no run."""
        if not self._rows:
            self._rows.extend(tables.rows_of(self.manifest))  # asked for by every section of the page
        return self._rows

    @property
    def violated(self) -> list[Row]:
        """What was violated: the guarded limit that ended the run, and measurements beyond theirs."""
        failed = [row for row in self.rows if row.verdict in FAILED.values()]
        return [self.trip, *failed] if self.trip else failed

    @property
    def cause(self) -> Mapping[str, Any]:
        """Why the run ended as it did; empty for a good one."""
        return self.manifest.get("cause") or {}

    @property
    def later(self) -> list[Mapping[str, Any]]:
        """What went wrong after the cause."""
        return tables.causes_of(self.manifest)[1:]

    @property
    def reason(self) -> str:
        """One sentence for a reviewer: the run's own cause, else what pytest said."""
        return str(self.cause.get("text") or self.message)

    @property
    def temperature(self) -> float | None:
        """Temperature the test was asked to run at, degC: its parameter, or what its title says."""
        value = self.manifest.get("test", {}).get("parameters", {}).get("temperature")
        named = re.search(r"(-?\d+(?:\.\d+)?) °C", self.title)
        if isinstance(value, (int, float)):
            return float(value)
        return float(named.group(1)) if named else None


def outcomes(folder: Path, ends: Mapping[str, TestEnd] | None = None) -> list[Outcome]:
    """Read every test of a results folder, worst first; of repeated tests the last one counts.

    `ends` is what the record of the session says: then its tests are told and no others, with the verdicts it gives.
    """
    last: dict[str, dict[str, Any]] = {}
    told_of = ({key: each[key] for key in each if key not in AT_LENGTH} for each in results.read_results(folder))
    for result in sorted(told_of, key=lambda result: result.get("stop", 0)):
        last[results.label(result, "nodeid") or result["uuid"]] = result
    told = dict.fromkeys(last) if ends is None else ends
    found = [_outcome(result, folder, told[key]) for key, result in last.items() if key in told]
    return sorted(found, key=lambda outcome: (ORDER.index(outcome.verdict), outcome.nodeid))


def _outcome(result: Mapping[str, Any], folder: Path, end: TestEnd | None) -> Outcome:
    manifest = results.manifest_of(result, folder) or {}
    manifest.pop("limits", None)  # the longest of its lists, which no page shows: memory, of a thousand tests
    message = (result.get("statusDetails") or {}).get("message", "")
    marked = [entry.get("value", "") for entry in result.get("labels", ()) if entry["name"] == "requirement"]
    left = left_by(manifest.get("bench_verdict"), manifest)
    verdict = end.verdict if end else _verdict(result, message, manifest)
    unbelieved = verdict == Verdict.PASS and any(
        entry.get("value") == results.NOT_BELIEVED for entry in result.get("labels", ())
    )
    return Outcome(
        verdict=str(Verdict.INCONCLUSIVE) if unbelieved else verdict,
        title=result["name"],
        nodeid=results.label(result, "nodeid") or "",
        allure_id=allure_id(result),
        message=_plain(message) if unbelieved else (end.cause if end else "") or _plain(message),
        requirements=tuple(dict.fromkeys([*manifest.get("test", {}).get("requirements", ()), *marked])),
        manifest=manifest,
        trip=_trip(results.attachment(result, results.EVENTS, folder), manifest),
        picture=results.attachment(result, results.FIGURE, folder),
        interactive=results.attachment(result, results.INTERACTIVE, folder),
        forensics=results.attachment(result, results.FORENSICS, folder),
        bench=end.bench if end else left.state,
        left=end.left if end else left.told,
        waived=end is not None and end.waived,
        waiver=end.waiver if end else "",
    )


def _verdict(result: Mapping[str, Any], message: str, manifest: Mapping[str, Any]) -> str:
    """What Allure's result and the manifest say together, where no session is known.

    What a message quotes makes nothing better: a test that failed was run, and was not left open.
    """
    status = result.get("status", "")
    told = {"passed": Verdict.PASS, "failed": Verdict.FAIL, "broken": Verdict.BENCH_FAULT}.get(status)
    named = [verdict for verdict in (Verdict.ABORTED, Verdict.TEST_ERROR) if f"{verdict}:" in message]
    if status == "skipped" and "INCONCLUSIVE:" in message:
        told = Verdict.INCONCLUSIVE
    elif status == "broken" and message.startswith(f"{NOT_RUN}:"):
        told = None
    elif told == Verdict.BENCH_FAULT and named:
        told = named[0]
    elif told == Verdict.FAIL:
        told = next((verdict for verdict in SELDOM if f"{verdict}:" in message), told)
    known = [Verdict(each) for each in (told, manifest.get("verdict")) if each in list(Verdict)]
    return NOT_RUN if told is None and worst(known) == Verdict.PASS else str(worst(known))


def _trip(events: Path | None, manifest: Mapping[str, Any]) -> Row | None:
    """Find the first guarded limit that the pack violated, in the event log of its run."""
    lines = events.read_text(encoding="utf-8", errors="replace").splitlines() if events else []
    for line in lines:
        event = _event(line) if '"trip"' in line else {}
        if event.get("type") == "trip" and event.get("blame") == "pack":
            measurement = tables.measurement_of({**event, "name": event["limit"]})
            step = str(event.get("step") or "")
            decided = tables.decided_of(manifest).get((measurement.name, step), {})
            return Row(
                measurement.name, measurement.value, measurement.unit, step, "", measurement, decided=decided,
            )  # fmt: skip
    return None


def _event(line: str) -> Mapping[str, Any]:
    """One that was cut off says nothing."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _plain(message: str) -> str:
    """Take the first line, without the exception's class and the keyword that the verdict repeats."""
    line = message.strip().splitlines()[0] if message.strip() else ""
    return PREFIX.sub("", line)
