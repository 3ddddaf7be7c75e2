"""The test's side of the supervisor: starts it, tells it that the test is alive, and sends it home.

The heartbeat is the test's own: it is given by the loop that scans and guards, never by a thread, so that a test that
hangs stops it. Every beat says how long the test will be silent from now on.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from bench.safety.rescue import instruments_that_matter
from bench.safety.supervisor import ALL_IS_WELL, READY, Plan
from bench.safety.timelimit import in_time
from bench.station import StationFile
from bench.verdicts import BenchFault
from instruments.roles import Identity

START_LIMIT = 20.0
"""s; it takes a fraction of one, and much more on a computer that is starting other things."""
FAREWELL_LIMIT = 10.0
LOG = "supervisor.log"
LOST = "supervisor-lost"
"""Id in the fault catalogue."""


class Watch(Protocol):
    """Whoever must be told that the test is alive."""

    def confirm(self) -> None:
        """Return once somebody watches; raises `BenchFault` when nobody does."""
        ...

    def alive(self, silence: float) -> None:
        """The test is alive and will be silent for `silence` s; raises `BenchFault` when nobody hears it."""
        ...

    def dismiss(self) -> None:
        """The bench is safe: nobody needs to watch any more. May be called again."""
        ...


class Unwatched:
    """Nobody watches: for simulators, which end with the process that holds them."""

    def confirm(self) -> None:
        """Nobody has to start."""

    def alive(self, silence: float) -> None:
        """Nobody hears it."""

    def dismiss(self) -> None:
        """Nobody goes."""


class Supervised:
    """A supervisor process that watches this one, from its making until `dismiss`.

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
        plan = Plan(
            process=os.getpid(),
            folder=str(folder.resolve()),
            station=station.model_dump(mode="json", by_alias=True),
            instruments=instruments_that_matter(station),
            patience=station.supervisor.idle,
            life=str(life.resolve()) if life is not None else "",
            identities={name: (who.model, who.serial_number) for name, who in (identities or {}).items()},
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bench.safety.supervisor"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                **_apart(),
            )
        self._hand_over(plan)

    def confirm(self) -> None:
        """See `Watch.confirm`."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        try:
            said = in_time(self._process.stdout.readline, START_LIMIT).decode(errors="replace").strip()
        except Exception as error:
            raise BenchFault(f"The supervisor process {error}; without it no output is switched on.", LOST) from error
        if said != READY:
            raise BenchFault(
                f"The supervisor process did not start, and without it no output is switched on; {self._log} says why.",
                LOST,
            )

    def alive(self, silence: float) -> None:
        """See `Watch.alive`."""
        self._send(b"%.3f\n" % (silence + self._limit))

    def dismiss(self) -> None:
        """See `Watch.dismiss`; one that does not go is ended: it must not outlive the test."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        with suppress(BenchFault):
            self._send(f"{ALL_IS_WELL}\n".encode())
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(FAREWELL_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        with suppress(OSError):
            if self._log.stat().st_size == 0:
                self._log.unlink()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            os.write(self._process.stdin.fileno(), line)
        except (OSError, ValueError) as error:
            # The test goes on only as long as somebody could end it.
            raise BenchFault(
                f"The supervisor process does not hear the test any more ({error}); {self._log} may say why.",
                LOST,
            ) from error

    def _hand_over(self, plan: Plan) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        with suppress(OSError):  # whether it listens is asked by `confirm`
            self._process.stdin.write(plan.as_line())
            self._process.stdin.flush()
            # A supervisor that does not read must not make the test hang: its pipe fills, and `alive` says so.
            if sys.platform != "win32":
                os.set_blocking(self._process.stdin.fileno(), False)


def _apart() -> dict[str, Any]:
    """What keeps Ctrl-C, a closed terminal and the end of the test from the supervisor."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
