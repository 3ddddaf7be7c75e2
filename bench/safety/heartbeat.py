"""The test's side of the supervisor: starts it, tells it that the test is alive, hears that it watches, sends it home.

The heartbeat is the test's own: it is given by the loop that scans and guards, never by a thread, so that a test that
hangs stops it. Every beat says how long the test will be silent from now on, and what its clock shows.

Invariant: no test scans on for longer than one heartbeat without somebody who would end it. Mechanism: the supervisor
answers several times in each heartbeat, with the time (`bench.clock.monotonic`, the same in both processes) at which it
did. A beat that finds the newest answer older than `STALE` of a heartbeat waits for the rest of it, and then raises.
"""

import atexit
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from bench.clock import monotonic, pause
from bench.safety.plan import Plan
from bench.safety.rescue import instruments_that_matter
from bench.safety.supervisor import ALL_IS_WELL, ANSWERS, CHUNK, CLOSED, READY
from bench.safety.timelimit import in_time
from bench.station import StationFile
from bench.verdicts import BenchFault
from instruments.roles import Identity

START_LIMIT = 20.0
"""s; it takes a fraction of one, and much more on a computer that is starting other things."""
FAREWELL_LIMIT = 10.0
STALE = 0.75
"""Part of a heartbeat after which an answer is waited for, for what is left of it."""
LOOK_EVERY = 0.01
"""s between two looks at what cannot be waited for."""
LOG = "supervisor.log"
LOST = "supervisor-lost"
"""Id in the fault catalogue."""


class Watch(Protocol):
    """Whoever must be told that the test is alive."""

    def confirm(self) -> None:
        """Return once somebody watches; raises `BenchFault` when nobody does."""
        ...

    def alive(self, silence: float, bench_time: float | None = None) -> None:
        """The test is alive and will be silent for `silence` s; raises `BenchFault` when nobody watches it.

        `bench_time` (s) is what the bench's clock shows, once there is one.
        """
        ...

    def dismiss(self) -> None:
        """The bench is closed: silence is no alarm any more. May be called again."""
        ...


class Unwatched:
    """Nobody watches: for simulators, which end with the process that holds them."""

    def confirm(self) -> None:
        """Nobody has to start."""

    def alive(self, silence: float, bench_time: float | None = None) -> None:
        """Nobody hears it."""

    def dismiss(self) -> None:
        """Nobody goes."""


class Supervised:
    """A supervisor process that watches this one, from its making until its end or the next one's for the same bench.

    `folder` is the run's, where it writes what it did; `life` the file that lives as long as the bench's lease;
    `identities` who the instruments were when the test identified them.
    """

    def __init__(
        self,
        station: StationFile,
        folder: Path,
        life: Path | None = None,
        identities: Mapping[str, Identity] | None = None,
    ) -> None:
        self._limit = station.supervisor.heartbeat
        self._log = folder / LOG
        self._owner = os.getpid()
        self._real = station.clock == "wall"
        self._bench = tuple(entry.address for entry in station.instruments.values())
        self._rest = b""
        self._answered = monotonic()
        self._lost = self._dismissed = False
        """Whether it is known not to watch; whether the bench was closed."""
        plan = Plan(
            process=self._owner,
            folder=str(folder.resolve()),
            station=station.model_dump(mode="json", by_alias=True),
            instruments=instruments_that_matter(station),
            patience=station.supervisor.idle,
            life=str(life.resolve()) if life is not None else "",
            identities={name: (who.model, who.serial_number) for name, who in (identities or {}).items()},
            lease=str(station.lease.file.resolve()) if station.lease is not None else "",
            heartbeat=self._limit,
            speed=station.speed if self._real else 0.0,
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bench.safety.supervisor"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                **_apart(),
            )
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._hand_over(plan)

    def confirm(self) -> None:
        """See `Watch.confirm`; whoever stood by for this bench until now is relieved."""
        self._lost = True
        try:
            said = in_time(lambda: os.read(self._stdout.fileno(), CHUNK), START_LIMIT)
        except Exception as error:
            raise BenchFault(f"The supervisor process {error}; without it no output is switched on.", LOST) from error
        if not said.startswith(READY.encode()):
            raise BenchFault(
                f"The supervisor process did not start, and without it no output is switched on; {self._log} says why.",
                LOST,
            )
        self._lost, self._answered = False, monotonic()
        before = _standing_by.pop(self._bench, None)
        if before is not None:
            before.relieve()

    def alive(self, silence: float, bench_time: float | None = None) -> None:
        """See `Watch.alive`; a fork of the test is not the test."""
        if os.getpid() != self._owner:
            raise BenchFault("A fork of the test cannot use its bench: nobody watches it. Open one of its own.", LOST)
        told = b"" if bench_time is None else b" %.3f" % bench_time
        self._send(b"%.3f%b\n" % (silence + self._limit, told))
        if monotonic() - self._answered > self._limit / ANSWERS:
            self._look_whether_it_watches()

    def dismiss(self) -> None:
        """See `Watch.dismiss`; it stands by for as long as this process lives, where there is a bench to see to."""
        if self._dismissed or os.getpid() != self._owner:
            return
        self._dismissed = True
        with suppress(OSError):
            if self._log.stat().st_size == 0:
                self._log.unlink()
        if self._lost or not self._real:
            self.relieve()
            return
        with suppress(BenchFault):
            self._send(f"{CLOSED}\n".encode())
        _standing_by[self._bench] = self

    def relieve(self) -> None:
        """Nobody needs to watch any more; one that does not go is ended: it must not outlive its use."""
        if not self._stdin.closed:
            with suppress(BenchFault):
                self._send(f"{CLOSED}\n{ALL_IS_WELL}\n".encode())
            self._stdin.close()
        end = monotonic() + (0.0 if self._lost else FAREWELL_LIMIT)
        while self._process.poll() is None and monotonic() < end:
            pause(LOOK_EVERY)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._stdout.close()

    def leave(self) -> None:
        """Let it outlive this process, which ends: that is what it waits for."""
        self._process.returncode = 0

    def _look_whether_it_watches(self) -> None:
        self._take_answers(0.0)
        silent = monotonic() - self._answered
        if not self._lost and silent > STALE * self._limit:
            self._take_answers(max(0.0, self._limit - silent) or LOOK_EVERY)
            silent = monotonic() - self._answered
        if silent > STALE * self._limit:
            self._lost = True
            # The test goes on only as long as somebody could end it.
            raise BenchFault(
                f"The supervisor process has not answered for {silent:.1f} s, and nobody else would switch the bench "
                f"off if this test died; {self._log} may say why.",
                LOST,
            )

    def _take_answers(self, patience: float) -> None:
        """Read what it has said, waiting at most `patience` s for something."""
        *lines, self._rest = (self._rest + _read(self._stdout.fileno(), patience)).split(b"\n")
        for line in lines[-1:]:
            with suppress(ValueError):
                self._answered = float(line)

    def _send(self, line: bytes) -> None:
        try:
            os.write(self._stdin.fileno(), line)
        except (OSError, ValueError) as error:
            self._lost = True
            raise BenchFault(
                f"The supervisor process does not hear the test any more ({error}); {self._log} may say why.",
                LOST,
            ) from error

    def _hand_over(self, plan: Plan) -> None:
        line = memoryview(plan.as_line())
        with suppress(OSError):  # whether it listens is asked by `confirm`
            while line:
                line = line[os.write(self._stdin.fileno(), line) :]
            # A supervisor that does not read must not make the test hang: its pipe fills, and `alive` says so.
            if sys.platform != "win32":
                os.set_blocking(self._stdin.fileno(), False)


_standing_by: dict[tuple[str, ...], Supervised] = {}
"""Who watches for the end of this process since its bench was closed, by the addresses of that bench."""


@atexit.register
def _leave() -> None:
    for supervisor in _standing_by.values():
        supervisor.leave()


if sys.platform == "win32":
    import _winapi
    import msvcrt

    def _read(pipe: int, patience: float) -> bytes:
        """What has come through the pipe, waiting at most `patience` s for something."""
        handle, end = msvcrt.get_osfhandle(pipe), monotonic() + patience
        while not (waiting := _winapi.PeekNamedPipe(handle, 0)[0]) and monotonic() < end:
            pause(LOOK_EVERY)
        return os.read(pipe, waiting) if waiting else b""
else:

    def _read(pipe: int, patience: float) -> bytes:
        """What has come through the pipe, waiting at most `patience` s for something."""
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        return os.read(pipe, CHUNK) if poll.poll(1000 * patience) else b""


def _apart() -> dict[str, Any]:
    """What keeps Ctrl-C, a closed terminal and the end of the test from the supervisor."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
