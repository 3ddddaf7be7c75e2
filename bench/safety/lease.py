"""One bench, one user: a lease that says who holds the bench, since when and until when.

A file beside the lock holds the record; a second lock, held for as long as the user's process lives, says that there
still is somebody. A lease is free once its process is gone; it may be taken from a process that is still there only
after it expired, or by hand. It keeps honest users apart; it is no protection against anybody else.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from math import isfinite, nan
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from bench.clock import monotonic, pause, utc_now
from bench.user import user
from bench.verdicts import BenchFault, BenchInUse

EXPIRY = 900.0
_NOT_TOLD = frozenset({"token", "ends"})
"""Fields of a holder that say nothing to a reader of a run."""
NOBODY = "by somebody who left no name"
RENEWALS = 10
"""How often a lease is renewed before it would expire."""
PATIENCE = 5.0
"""s for the record to be free: everybody holds it for milliseconds."""
LAST_LOOK = "the last look of the supervisor of a test that has ended"
"""Job of a supervisor that looks once more at a bench whose test has ended."""
LOOK_LIMIT = 10.0
"""s that it is waited for."""
LOOK_EVERY = 0.02
"""s between two looks at whether it is."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a bench; times are UTC, ISO 8601."""

    token: str
    user: str
    host: str
    process: int
    job: str
    since: str
    until: str
    ends: float = nan
    """`until` by the clock of its host that nobody sets, s; nan in a record from before that was kept."""

    def expired(self) -> bool:
        """Whether it has not been renewed for longer than it was given for.

        On its own host no leap of the civil clock ends a lease, or keeps one for ever: who holds it lives, so the host
        has not been started anew since.
        """
        by_civil_time = datetime.fromisoformat(self.until) < utc_now()
        return monotonic() > self.ends if self.host == socket.gethostname() and isfinite(self.ends) else by_civil_time

    def __str__(self) -> str:
        job = f", job {self.job}" if self.job else ""
        return f"by {self.user} on {self.host} (process {self.process}{job}) since {self.since} until {self.until}"


class BenchLease:
    """Holds a bench until it is released; its lock file is `path`.

    Raises `BenchInUse` when somebody else holds the bench, unless `take_over` says to take it from them; `expiry` is
    how long (s) the lease outlives its last renewal, `job` what it is for, where the environment does not say. Waits
    for the last look of a supervisor whose test has ended, which takes seconds at most.
    """

    def __init__(
        self, path: Path, station: str, *, expiry: float = EXPIRY, take_over: bool = False, job: str | None = None
    ) -> None:
        self._path, self._station, self._expiry, self._job = path, station, expiry, job
        self._record = path.with_suffix(".holder.json")
        self._token = uuid4().hex
        self.life = self._life_of(self._token)
        """The file whose lock says that the holder lives; the supervisor keeps it until the bench is safe."""
        self._alive = FileLock(self.life)
        self._since = utc_now()
        self._renewed = monotonic()
        self.taken_from: str | None = None
        """Who held the bench and lost it to this lease, in words."""
        end = monotonic() + LOOK_LIMIT
        while not self._taken_at_once(take_over=take_over, last_time=monotonic() >= end):
            pause(LOOK_EVERY)

    def renew(self) -> None:
        """Say that the holder is alive; cheap enough for every scan. Raises `BenchFault` when the lease was lost."""
        if monotonic() - self._renewed < self._expiry / RENEWALS:
            return
        # A record that is busy just now is renewed with a later scan: there are many before it expires.
        with suppress(BenchInUse), self._records(patience=0.1):
            holder = self._holder()
            if holder is not None and holder.token != self._token:
                raise BenchFault(
                    f"Bench {self._station} was taken over {holder}; this run has lost it and was ended.", "lease-lost"
                )
            self._write()

    def release(self) -> None:
        """Give the bench back if it is still held by this lease; may be called again."""
        with suppress(BenchInUse), self._records():
            holder = self._holder()
            if holder is not None and holder.token == self._token:
                with suppress(OSError):
                    self._record.unlink()
        self._alive.release()
        with suppress(OSError):
            self.life.unlink()

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        holder = self._me()
        kept = {field.name: getattr(holder, field.name) for field in fields(holder) if field.name not in _NOT_TOLD}
        return {**kept, "taken_over": self.taken_from}

    @contextmanager
    def _records(self, patience: float = PATIENCE) -> Iterator[None]:
        """Nobody else reads or writes the record meanwhile: between a look and a change there is no race."""
        lock = FileLock(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _acquire(lock, patience)
        except Timeout as error:
            raise BenchInUse(f"Bench {self._station}: the lease {self._path} was busy for {patience:g} s.") from error
        except OSError as error:
            raise BenchInUse(
                f"Bench {self._station}: the lease {self._path} cannot be taken ({error.strerror})."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _taken_at_once(self, *, take_over: bool, last_time: bool) -> bool:
        """Take the bench or raise; False while a supervisor has its last look, unless this is the `last_time`."""
        with self._records():
            holder = self._holder()
            looking = holder is not None and holder.job == LAST_LOOK and _is_locked(self._life_of(holder.token))
            if not looking or last_time:
                self._take(take_over=take_over)
                return True
        return False

    def _take(self, *, take_over: bool) -> None:
        holder = self._holder()
        if self._is_held(holder):
            expired = holder is not None and holder.expired()
            if not (take_over or expired):
                raise BenchInUse(
                    f"Bench {self._station} is in use {holder or NOBODY}; wait until that run has ended, or take the "
                    f"bench over with --take-over (lease {self._path})."
                )
            self.taken_from = str(holder or NOBODY)
        self._alive.acquire(blocking=False)
        self._write()

    def _is_held(self, holder: Holder | None) -> bool:
        """Whether the holder lives; without a record, whether anybody does who could have written it."""
        if holder is not None:
            return _is_locked(self._life_of(holder.token))
        return any(map(_is_locked, self._path.parent.glob(f"{self._path.stem}.*.alive")))

    def _life_of(self, token: str) -> Path:
        return self._path.with_suffix(f".{token}.alive")

    def _holder(self) -> Holder | None:
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            holder = Holder(**{field.name: record[field.name] for field in fields(Holder) if field.name in record})
            holder.expired()
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        return holder if holder.token.isalnum() else None

    def _write(self) -> None:
        partial = self._record.with_suffix(".partial")
        try:
            partial.write_text(json.dumps(asdict(self._me()), indent=1) + "\n", encoding="utf-8")
            partial.replace(self._record)
        except OSError:
            # A holder without a name holds the bench; the record of a dead one, or our own of before, would free it.
            for file in (partial, self._record):
                with suppress(OSError):
                    file.unlink()
        self._renewed = monotonic()

    def _me(self) -> Holder:
        until = utc_now() + timedelta(seconds=self._expiry)
        return Holder(
            self._token, user(), socket.gethostname(), os.getpid(), self._job or _job(),
            self._since.isoformat(timespec="seconds"), until.isoformat(timespec="seconds"), monotonic() + self._expiry,
        )  # fmt: skip


def _acquire(lock: FileLock, patience: float) -> None:
    """Take the lock within `patience` s or raise `Timeout`; its own waiting would ask a clock that tests freeze."""
    end = monotonic() + patience
    while True:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if monotonic() >= end:
                raise
            pause(LOOK_EVERY)
        else:
            return


def _is_locked(life: Path) -> bool:
    """Whether the process that made this file still lives; its number could be somebody else's by now."""
    lock = FileLock(life)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    with suppress(OSError):
        life.unlink()
    return False


def _job() -> str:
    """Where the CI job can be looked at; empty at a desk."""
    environment = os.environ
    parts = [environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    if all(parts):
        server, repository, number = parts
        return f"{server}/{repository}/actions/runs/{number}"
    return environment.get("CI_JOB_URL") or environment.get("BUILD_URL") or ""
