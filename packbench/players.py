"""Who does many things of a kind: processes of this computer, or workers of a Dask cluster.

Each gives results as they come, in no order. What is on its way when somebody stops it is lost, and only that.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from bench.verdicts import BenchFault, InputError

Job = TypeVar("Job")
Result = TypeVar("Result")
REACH = 10.0
"""s that a scheduler has to answer."""
SELDOM = 500.0
"""ms between two looks of a worker at itself."""
TRIES = 3
"""How often something is given to another worker, where one died."""


@dataclass(frozen=True, slots=True)
class Named:
    """How sentences call it: all that is done ("the map"), a part, what is done to one ("measured"), what is `kept`."""

    whole: str
    part: str
    done: str
    kept: str


class Player(Protocol):
    """Does `work` with each of `jobs`; raises what that raises, and `BenchFault` where a process of it died.

    `names` tell jobs apart among all that is done on a cluster, by what they depend on; by default nothing is shared.
    """

    def __call__(
        self, work: Callable[[Job], Result], jobs: Sequence[Job], *, names: Sequence[str] | None = None
    ) -> Iterator[Result]:
        """See the class."""
        ...


def processes(named: Named, count: int | None = None) -> Player:
    """So many processes of this computer; None: as many as it has cores."""

    def play(
        work: Callable[[Job], Result], jobs: Sequence[Job], *, names: Sequence[str] | None = None
    ) -> Iterator[Result]:
        # A process of its own world each, and none that has inherited threads or open files of this one.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(count or os.cpu_count() or 1, len(jobs)), context, _leave_it_to_the_parent)
        try:
            waiting = [pool.submit(work, job) for job in jobs]
            for done in as_completed(waiting):
                yield done.result()
        except BrokenProcessPool as error:
            raise BenchFault(
                f"A process that {named.done} {named.part} of {named.whole} died (out of memory, or killed): "
                f"{named.kept}.",
                "process-died",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    return play


def _leave_it_to_the_parent() -> None:
    """A process of a pool is asked to end by who made it, not by a Ctrl-C that all of them hear, and ends with him."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """One that was killed asks nobody to end: its pool would wait for ever, and hold on to what it inherited."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def cluster(named: Named, address: str, version: str, reach: float = REACH) -> Player:
    """Workers of a Dask cluster with this `version`, whose scheduler is at `address` ("tcp://host:8786").

    What a worker that dies was doing is given to another one. Raises `InputError` where there is no such scheduler, no
    worker, or one that has another packbench.
    """

    def play(
        work: Callable[[Job], Result], jobs: Sequence[Job], *, names: Sequence[str] | None = None
    ) -> Iterator[Result]:
        with _client(named, address, reach) as client:
            _refuse_other_versions(client, address, version)
            futures = client.map(_Seldom(work), jobs, key=names, pure=False, retries=TRIES)
            yield from _arriving(client, futures, named, address)

    return play


def _arriving(client: Any, futures: Sequence[Any], named: Named, address: str) -> Iterator[Any]:
    """Each result once."""
    from concurrent.futures import CancelledError

    from distributed import as_completed as completed
    from distributed.scheduler import KilledWorker

    seen: set[str] = set()
    arriving: Iterator[Any] = completed(futures, loop=client.loop)  # type: ignore[no-untyped-call]
    for future in arriving:
        try:
            result = future.result()
        except CancelledError as error:
            raise BenchFault(
                f"The scheduler at {address} is gone, or has dropped {named.whole}: {named.kept}; start it first.",
                "scheduler-lost",
            ) from error
        except KilledWorker as error:
            raise BenchFault(
                f"{TRIES + 1} workers died over {named.part} of {named.whole} ({error.task}): {named.kept}; look at "
                "their memory first.",
                "worker-died",
            ) from error
        if future.key in seen:
            continue
        seen.add(future.key)
        future.release()
        yield result


def _client(named: Named, address: str, reach: float) -> Any:
    _refuse_no_address(address)
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            f"{named.whole} on a cluster needs Dask, and it is not here: pip install 'packbench[map]', or leave out "
            "--scheduler."
        ) from error
    try:
        return Client(address, timeout=reach, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise InputError(
            f"--scheduler {address}: no scheduler answers there within {reach:g} s; start one with `dask scheduler`, "
            "and say its address as it prints it, for example tcp://127.0.0.1:8786."
        ) from error


def _refuse_no_address(address: str) -> None:
    """Dask itself would try for long, and then end in a traceback."""
    try:
        parts = urlsplit(address)
        complete = bool(parts.scheme and parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete:
        raise InputError(
            f"--scheduler {address}: is no address; one has a protocol, a host and a port, as in tcp://127.0.0.1:8786."
        )


def _refuse_other_versions(client: Any, address: str, version: str) -> None:
    """Raise `InputError` where nobody would work, or somebody with another packbench."""
    try:
        versions = client.run(_version)
    except (OSError, ImportError, RuntimeError) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"--scheduler {address}: a worker has no packbench ({text}); install {version} there."
        ) from error
    if not versions:
        raise InputError(f"--scheduler {address}: it has no worker; start some with `dask worker {address}`.")
    for worker, found in versions.items():
        if found != version:
            raise InputError(
                f"--scheduler {address}: the worker {worker} has packbench {found}, and here it is {version}: "
                "install the same, for what they do would not be the same."
            )


def _version() -> str:
    from importlib import metadata

    return metadata.version("packbench")


@dataclass(frozen=True, slots=True)
class _Seldom(Generic[Job, Result]):
    """Work that a worker does without looking at itself all the time."""

    work: Callable[[Job], Result]

    def __call__(self, job: Job) -> Result:
        """Do it."""
        with seldom_interrupted():
            return self.work(job)


@contextmanager
def seldom_interrupted() -> Iterator[None]:
    """With a worker that looks twice a second what it is doing, and whether its loop still turns.

    It does so 150 times a second by itself, in another thread of the same interpreter: 6 % of a field (measured).
    """
    from distributed import get_worker

    worker: Any = get_worker()
    looks = [each for each in map(worker.periodic_callbacks.get, ("profile", "tick")) if each is not None]
    before = [each.callback_time for each in looks]
    for each, period in zip(looks, before, strict=True):
        each.callback_time = max(period, SELDOM)
    try:
        yield
    finally:
        for each, period in zip(looks, before, strict=True):
            each.callback_time = period
