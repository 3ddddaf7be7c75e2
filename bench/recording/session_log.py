"""The record of a session beside its runs: the one place that terminal, JUnit, HTML and exit status are told from.

It is written when the session begins and whenever a test begins or ends, so that a session that is killed says so. What
the process of a test could not tell any more is read from the run that it left. It knows nothing of pytest.
"""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.clock import utc_now, utc_text
from bench.recording.aftermath import GONE, NOT_VERIFIED, REPORTED, aftermath
from bench.recording.owner import Owner
from bench.recording.rewritten import RewrittenFile
from bench.verdicts import FAILED, NOT_RUN, ExitStatus, Verdict, counts_in_words

NAME = "session.json"
ROOM = 2**14
"""Bytes reserved at least for the last word of a session: it grows with every test that ends."""
SCHEMA = 2
"""1 (0.1.0) held no tests."""
RUNNING, ENDED = "running", "ended"
VANISHED = "The process that ran this test ended before the test did."
LEFT_OUT = "The session ended before this test began."
STOPPED = "The session was stopped."
NEVER_ENDED = "The last session never ended: its process died, or is still at it."
GOES_ON = "The session is still running: what has not ended yet is told as not run."
NOT_YET = "The session was still running, and this test had not ended."


@dataclass(frozen=True, slots=True)
class TestEnd:
    """How one test ended: `verdict` is one of `Verdict`, or `NOT_RUN`."""

    __test__ = False

    nodeid: str
    verdict: str
    title: str = ""
    cause: str = ""
    bench: str = ""
    """State of the bench after it; empty where none was open."""
    left: str = ""
    """What a person has to do about the bench, where it is not verified safe."""
    run: str = ""
    """Id of its run; empty where it had none."""
    waived: bool = False
    """Whether every failure of its run is covered by a waiver: it is one all the same, and does not count as one."""
    waiver: str = ""
    """What the waivers say of its failures; empty where they say nothing."""

    @property
    def severity(self) -> int:
        """Rank among the ends of one test: its phases may end differently, and the worst one is told."""
        return -1 if self.verdict == NOT_RUN else Verdict(self.verdict).severity

    def joined(self, later: "TestEnd") -> "TestEnd":
        """The end together with that of a later phase: the worse verdict, the first cause, the bench as it was left."""
        worse = later if later.severity > self.severity else self
        return replace(
            worse,
            title=self.title or later.title,
            bench=later.bench or self.bench,
            left=later.left or self.left,
            run=later.run or self.run,
            # What went wrong in another phase was no measurement.
            waived=self.waived and (later.waived or later.severity < self.severity),
            waiver=self.waiver or later.waiver,
        )


_LESS_THAN_VERIFIED = {
    REPORTED: "After {} of them only the instruments themselves say so: `packbench check` names what has no witness.",
    GONE: "{} died with its process, and its simulators with it.",
}
CONTRADICTIONS = "requirements_contradicted"
"""Fact of a session: sentences on limits that its list of requirements and its packs do not agree on."""
_OWN = ("id", "state", "started", "ended", "exit_status", "trouble", "collected", "begun")
_DERIVED = ("schema", "process", "tests", "verdicts", "not_verified_safe")
_NO_RECORD = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a file raises that is none: the last for one that is nested without an end."""
_FORMERLY = {"INPUT": str(Verdict.TEST_ERROR)}


@dataclass
class Session:
    """One session, running or over. `begun` and `collected` are node ids; `tests` what has ended, by node id."""

    id: str
    started: str
    facts: dict[str, Any] = field(default_factory=dict)
    """Command line, folders, station, pack and options: what it takes to have the session again."""
    state: str = RUNNING
    ended: str | None = None
    exit_status: int | None = None
    trouble: str = ""
    """Why it could not begin, or what of its end failed, where something did."""
    collected: dict[str, str] = field(default_factory=dict)
    """Titles by node id."""
    begun: list[str] = field(default_factory=list)
    tests: dict[str, TestEnd] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    """What a record of schema 1 says instead of `tests`."""
    process: Owner | None = None
    """The process that owns it; None where nobody does any more (a joined record), or the record is an older one."""
    goes_on: bool = False
    """Whether it was still running when its ends were settled, see `settled`."""

    @classmethod
    def new(cls, facts: Mapping[str, Any]) -> "Session":
        """A session that begins now."""
        moment = utc_now()
        owner = Owner.this_process()
        return cls(f"{moment:%Y-%m-%dT%H%M%S.%f}-{owner.number}", utc_text(moment), dict(facts), process=owner)

    @property
    def counts(self) -> dict[str, int]:
        """How many tests ended in which way; of a record that kept no tests, what it counted itself."""
        return dict(Counter(end.verdict for end in self.tests.values())) or self.counted

    @property
    def knows_its_tests(self) -> bool:
        """Whether this is a record of its tests, and not one of schema 1 that only counted them."""
        return not self.counted

    @property
    def lives(self) -> bool:
        """Whether another process of this computer is still at it."""
        process = self.process
        return self.state == RUNNING and process is not None and process.lives and process != Owner.this_process()

    @property
    def unfinished(self) -> str:
        """What is to be said first of a session that has not ended; empty of one that has."""
        return "" if self.state == ENDED else GOES_ON if self.goes_on else NEVER_ENDED

    @property
    def unsafe(self) -> list[TestEnd]:
        """Tests after which somebody has to switch the bench off by hand."""
        return [end for end in self.tests.values() if end.bench == NOT_VERIFIED]

    def note(self, end: TestEnd) -> None:
        """Take the end of a test, or of a later phase of it."""
        known = self.tests.get(end.nodeid)
        self.tests[end.nodeid] = end if known is None else known.joined(end)

    def status(self, pytest_status: int) -> int:
        """The exit status; see `ExitStatus.of_session`. Tests that were never begun were not judged.

        Failures that are waived are none here, nor in what pytest makes of them.
        """
        waived = Counter(end.verdict for end in self.tests.values() if end.waived)
        counts = Counter(self.counts) - waived
        if waived and pytest_status == ExitStatus.FAILED and not any(counts[verdict] for verdict in FAILED.values()):
            pytest_status = ExitStatus.GOOD
        status = ExitStatus.of_session(counts, pytest_status, unsafe=bool(self.unsafe))
        left_out = any(end.verdict == NOT_RUN and end.cause in (LEFT_OUT, NOT_YET) for end in self.tests.values())
        return ExitStatus.FAILED if left_out and status == ExitStatus.GOOD else status

    def go_on_from(self, before: "Session", runs: Path) -> None:
        """Take over what the session before has told: this one continues a run of it."""
        before.settle(runs, stopped=False)
        self.collected |= before.collected
        self.tests |= before.tests

    def settle(self, runs: Path, *, stopped: bool) -> None:
        """Find an end for every test that has told none: its run tells it, or nobody could.

        `stopped`: somebody has asked the session to end, which is why tests are missing.
        """
        missing = [nodeid for nodeid in {**self.collected, **dict.fromkeys(self.begun)} if nodeid not in self.tests]
        mute = any(end.verdict == Verdict.BENCH_FAULT and not end.run for end in self.tests.values())
        looked_for = not self.goes_on and (mute or any(nodeid in self.begun for nodeid in missing))
        left = runs_of(self, runs) if looked_for else {}
        for nodeid in missing:
            self.note(self._missing(nodeid, left.get(nodeid), stopped=stopped))
        # A test whose process died has left a run, and the bench in some way.
        for nodeid, end in self.tests.items():
            if not end.run and nodeid in left:
                self.note(left[nodeid])

    def _missing(self, nodeid: str, run: TestEnd | None, *, stopped: bool) -> TestEnd:
        title = self.collected.get(nodeid, "")
        if run is not None:
            return run
        if self.goes_on:
            return TestEnd(nodeid, NOT_RUN, title, NOT_YET)
        if nodeid not in self.begun:
            return TestEnd(nodeid, NOT_RUN, title, LEFT_OUT)
        if stopped:
            return TestEnd(nodeid, Verdict.ABORTED, title, STOPPED)
        return TestEnd(nodeid, Verdict.BENCH_FAULT, title, VANISHED)

    def counts_line(self) -> str:
        """The line that counts, the same wherever it is read."""
        return counts_in_words(self.counts)

    def waiver_lines(self) -> list[str]:
        """What is to be said of waivers: how many failures are waived, what one did not cover, and which are over."""
        return [*self.waived_lines(), *self.expired_lines()]

    def waived_lines(self) -> list[str]:
        """How many failures are waived, and what a waiver did not cover."""
        waived = [end for end in self.tests.values() if end.waived]
        count = f"Waived, and not counted by the exit status: {len(waived)} of these failures."
        news = [f"{end.nodeid}: {end.waiver}" for end in self.tests.values() if end.waiver and not end.waived]
        return [*([count] if waived else []), *news]

    def expired_lines(self) -> list[str]:
        """Waivers whose last day was over: whoever answers for them has to look at them."""
        return [f"WAIVER EXPIRED: {text}" for text in self.facts.get("waivers_expired", ())]

    def bench_lines(self) -> list[str]:
        """How the bench was left by every run; each begins with `NOT VERIFIED SAFE` where somebody has to act."""
        if self.unsafe:
            return [f"{end.left} It was left so by {end.nodeid}." for end in self.unsafe]
        states = Counter(end.bench for end in self.tests.values() if end.bench)
        if not states:
            return ["Bench: none was opened."]
        runs = "its only run" if states.total() == 1 else f"each of {states.total()} runs"
        told = "off" if states[REPORTED] or states[GONE] else "verified safe"
        return [" ".join((f"Bench: {told} after {runs}.", *(
            words.format(count) for state, words in _LESS_THAN_VERIFIED.items() if (count := states[state])
        )))]  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """As on disk; see docs/run-format.md."""
        return {
            "schema": SCHEMA, "id": self.id, "state": self.state,
            "process": self.process.as_dict() if self.process else None, "started": self.started, "ended": self.ended,
            "exit_status": self.exit_status, "trouble": self.trouble, **self.facts, "verdicts": self.counts,
            "not_verified_safe": [end.nodeid for end in self.unsafe], "collected": self.collected,
            "begun": self.begun, "tests": [asdict(end) for end in self.tests.values()],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Session":
        """As read from the disk, also of a version that kept no tests; raises `KeyError` or `TypeError` for others."""
        known = {name: kept[name] for name in _OWN if name in kept}
        tests = {entry["nodeid"]: TestEnd(**entry) for entry in kept.get("tests", ())}
        facts = {name: value for name, value in kept.items() if name not in (*_OWN, *_DERIVED)}
        counted = {} if "tests" in kept else {_FORMERLY.get(word, word): n for word, n in kept["verdicts"].items()}
        session = cls(**{"id": "", "started": "", **known}, facts=facts, tests=tests, counted=counted)
        # Of whose process nobody can say a record tells its tests all the same.
        with suppress(KeyError, TypeError, ValueError):
            session.process = Owner.from_dict(kept["process"])
        if session.state == ENDED:
            int(kept["exit_status"])
        return session


class SessionLog:
    """Writes `session.json`. A disk that takes nothing must not keep a session from ending: `trouble` is told then."""

    def __init__(self, runs: Path, session: Session) -> None:
        self.path = runs / NAME
        self.session = session
        self.refused = ""
        """Why the record could not be written; empty while it could."""
        self.before = last_session(runs)
        """The session before this one; None where there was none that can be read."""
        self._before = b""
        self._file = RewrittenFile(self.path)
        self._ours = False

    def begin(self) -> None:
        """Put this session in the place of the last one, from now on."""
        with suppress(OSError):
            self._before = self.path.read_bytes()
        self.write()

    def withdraw(self) -> None:
        """Put the last one back: this session was none of the bench's."""
        current = last_session(self.path.parent)
        if current is None or current.id != self.session.id:
            return
        with suppress(OSError):
            if self._before:
                self.path.write_bytes(self._before)
            else:
                self.path.unlink()
            self._file.release()

    def end(self, exit_status: int) -> None:
        """Mark it as ended."""
        self.session.state, self.session.ended = ENDED, utc_text(utc_now())
        self.session.exit_status = int(exit_status)
        self.write()

    def write(self) -> None:
        """Replace the record, in blocks that were reserved while there was room.

        A disk that refuses it keeps this session's last word, or none: an older session must not speak for this one.
        """
        text = json.dumps(self.session.as_dict(), indent=1, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file.write(text, fsync=False)
        except OSError as error:
            self.refused = error.strerror or str(error)
            if not self._ours:
                with suppress(OSError):
                    self.path.unlink(missing_ok=True)
            return
        self._ours, self.refused = True, ""
        with suppress(OSError):
            if self.session.state == RUNNING:
                self._file.reserve(max(ROOM, 2 * len(text.encode())))
            else:
                self._file.release()


def last_session(runs: Path) -> Session | None:
    """The newest session of a folder of runs; None when there is none that can be read."""
    try:
        return Session.from_dict(json.loads((runs / NAME).read_text(encoding="utf-8")))
    except _NO_RECORD:
        return None


def settled(session: Session, runs: Path) -> Session:
    """A session as a report may tell it: one that never ended gets the ends and the status that its runs tell.

    Of one that is still running nothing has gone wrong yet: what has not ended has not been judged.
    """
    if session.state == ENDED:
        return session
    session.goes_on = session.lives
    session.settle(runs, stopped=False)
    session.exit_status = session.status(ExitStatus.FAILED) if session.goes_on else ExitStatus.BENCH_FAULT
    return session


def runs_of(session: Session, runs: Path) -> dict[str, TestEnd]:
    """What the runs that a session left on the disk tell, by node id; the newest of each test counts."""
    found = {}
    since = ""
    with suppress(ValueError):
        # A day more than there need be: the clock may have been set back over midnight.
        since = f"{datetime.fromisoformat(session.started) - timedelta(days=1):%Y-%m-%d}"
    for path in sorted(runs.glob("*/*/run.json")):
        if path.parts[-3] < since:
            continue
        end = _end_of(path, session.id)
        if end is not None:
            found[end.nodeid] = end
    return found


def _end_of(path: Path, session: str) -> TestEnd | None:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest.get("session") != session:
            return None
        test, after, ended = manifest["test"], aftermath(manifest, path.parent), manifest["state"] == ENDED
        cause = (manifest.get("cause") or {}).get("text", "")
        verdict = manifest["verdict"] if ended else Verdict.BENCH_FAULT
        return TestEnd(
            test["nodeid"], verdict, test.get("title") or test["name"], cause if ended else VANISHED,
            after.state, after.told, manifest["run_id"],
        )  # fmt: skip
    except _NO_RECORD:
        return None
