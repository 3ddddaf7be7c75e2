"""Who measures the fields: processes of this computer, workers of a cluster, or the one bench that there is.

Each gives outcomes as they come. What is on its way when somebody stops it is lost, and only that.
"""

import io
import multiprocessing
import os
import signal
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from bench.safety import interrupts
from bench.safety.lease import BenchLease
from bench.station import load_station
from bench.verdicts import BenchFault, InputError, Verdict
from packbench.mapping.fields import Field, Task
from packbench.mapping.measuring import digest, measure
from packbench.mapping.outcome import FieldResult

Player = Callable[[Sequence[Field], Task, Path], Iterator[FieldResult]]
"""Measures fields; recordings go below a folder."""
REACH = 10.0
"""s that a scheduler has to answer."""
SELDOM = 500.0
"""ms between two looks of a worker at itself."""
PACKED = {".parquet", ".blf"}
"""Files of a run that are as small as they get."""
TRIES = 3
"""How often a field is given to another worker, where one died."""


def one_bench(fields: Sequence[Field], task: Task, runs: Path) -> Iterator[FieldResult]:
    """On the only bench, which is leased meanwhile: one after the other, in their order.

    Raises `BenchFault` behind a field at whose end the bench has failed: the next one would run on it.
    """
    station, _ = load_station(task.station)
    lease = BenchLease(station.lease.file, station.name, expiry=station.lease.expiry) if station.lease else None
    interrupts.end_in_order()
    try:
        for field in fields:
            with interrupts.bench_open():
                outcome = measure(field, task, runs, lease)
            yield outcome
            if outcome.verdict == Verdict.BENCH_FAULT:
                raise BenchFault(f"The bench has failed, and the map stops: {outcome.reason}", "bench-failed")
    finally:
        interrupts.as_before()
        if lease is not None:
            lease.release()


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


def processes(count: int | None = None) -> Player:
    """So many processes of this computer; None: as many as it has cores."""

    def play(fields: Sequence[Field], task: Task, runs: Path) -> Iterator[FieldResult]:
        # A process of its own world each, and none that has inherited threads or open files of this one.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(count or os.cpu_count() or 1, len(fields)), context, _leave_it_to_the_parent)
        try:
            waiting = [pool.submit(measure, field, task, runs) for field in fields]
            for done in as_completed(waiting):
                yield done.result()
        except BrokenProcessPool as error:
            raise BenchFault(
                "A process that measured a field of the map died (out of memory, or killed): what is done is kept, and "
                "the same command goes on with the rest.",
                "process-died",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    return play


def cluster(address: str, reach: float = REACH) -> Player:
    """Workers of a Dask cluster, whose scheduler is at `address` ("tcp://host:8786").

    A field whose worker dies is given to another one; recordings come back with the outcomes. Raises `InputError` where
    there is no such scheduler, no worker, or one that has another packbench.
    """

    def play(fields: Sequence[Field], task: Task, runs: Path) -> Iterator[FieldResult]:
        inputs = {field: digest(field, task) for field in fields}
        with _client(address, reach) as client:
            _refuse_other_versions(client, address, task)
            # Named by what they depend on: another map that is made there at the same time may have the same fields.
            names = [f"{field.id}-{inputs[field]}" for field in fields]
            futures = client.map(_sent, fields, task=task, key=names, pure=False, retries=TRIES)
            for outcome, recording in _arriving(client, futures, address):
                _refuse_other_files(outcome, inputs, address)
                _unpack(recording, runs)
                yield outcome

    return play


def _arriving(client: Any, futures: Sequence[Any], address: str) -> Iterator[tuple[FieldResult, bytes]]:
    """Each outcome once, and its recording."""
    from concurrent.futures import CancelledError

    from distributed import as_completed as completed
    from distributed.scheduler import KilledWorker

    seen: set[Field] = set()
    arriving: Iterator[Any] = completed(futures, loop=client.loop)  # type: ignore[no-untyped-call]
    for future in arriving:
        try:
            outcome, recording = future.result()
        except CancelledError as error:
            raise BenchFault(
                f"The scheduler at {address} is gone, or has dropped the map: what is done is kept; start it, and then "
                "the same command again.",
                "scheduler-lost",
            ) from error
        except KilledWorker as error:
            raise BenchFault(
                f"{TRIES + 1} workers died over one field of the map ({error.task}): what is done is kept; look at "
                "their memory, and start the same command again.",
                "worker-died",
            ) from error
        if outcome.field in seen:
            continue
        seen.add(outcome.field)
        future.release()
        yield outcome, recording


def _refuse_other_files(outcome: FieldResult, inputs: Mapping[Field, str], address: str) -> None:
    """Raise `InputError` where a worker has measured something else: names lead to files of its own disk."""
    if outcome.inputs != inputs[outcome.field]:
        raise InputError(
            f"--scheduler {address}: a worker has another pack, station, road or car file than this computer for "
            f"{outcome.field}: have the same files there, for what it measured is something else."
        )


def _client(address: str, reach: float) -> Any:
    _refuse_no_address(address)
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "a map on a cluster needs Dask, and it is not here: pip install 'packbench[map]', or leave out --scheduler."
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


def _refuse_other_versions(client: Any, address: str, task: Task) -> None:
    """Raise `InputError` where nobody would work, or somebody with another packbench."""
    try:
        versions = client.run(_version)
    except (OSError, ImportError, RuntimeError) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"--scheduler {address}: a worker has no packbench ({text}); install {task.version} there."
        ) from error
    if not versions:
        raise InputError(f"--scheduler {address}: it has no worker; start some with `dask worker {address}`.")
    for worker, version in versions.items():
        if version != task.version:
            raise InputError(
                f"--scheduler {address}: the worker {worker} has packbench {version}, and here it is {task.version}: "
                "install the same, for what they measure would not be the same."
            )


def _version() -> str:
    from importlib import metadata

    return metadata.version("packbench")


def _sent(field: Field, task: Task) -> tuple[FieldResult, bytes]:
    """Measured by a worker: its disk is not ours, so the recording goes with the outcome."""
    with TemporaryDirectory(prefix="packbench-map-") as folder, _seldom_interrupted():
        outcome = measure(field, task, Path(folder))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in _files_below(Path(folder)):
                packs_itself = path.suffix in PACKED
                archive.write(path, path.relative_to(folder), zipfile.ZIP_STORED if packs_itself else None)
        return outcome, packed.getvalue()


@contextmanager
def _seldom_interrupted() -> Iterator[None]:
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


def _files_below(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _unpack(recording: bytes, runs: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(recording)) as archive, suppress(FileExistsError):
        archive.extractall(runs)
