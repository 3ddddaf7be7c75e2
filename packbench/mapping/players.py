"""Who measures the fields: processes of this computer, workers of a cluster, or the one bench that there is.

Each gives outcomes as they come. What is on its way when somebody stops it is lost, and only that.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.safety import interrupts
from bench.safety.lease import BenchLease
from bench.station import load_station
from bench.verdicts import BenchFault, InputError, Verdict
from packbench import players
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest
from packbench.mapping.measuring import measure
from packbench.mapping.outcome import FieldResult
from packbench.players import REACH, Named

Player = Callable[[Sequence[Field], Task, Path], Iterator[FieldResult]]
"""Measures fields; recordings go below a folder."""
NAMED = Named("the map", "a field", "measured", "what is done is kept, and the same command goes on with the rest")
PACKED = {".parquet", ".blf"}
"""Files of a run that are as small as they get."""


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


def processes(count: int | None = None) -> Player:
    """So many processes of this computer; None: as many as it has cores."""

    def play(fields: Sequence[Field], task: Task, runs: Path) -> Iterator[FieldResult]:
        return players.processes(NAMED, count)(partial(measure, task=task, runs=runs), fields)

    return play


def cluster(address: str, reach: float = REACH) -> Player:
    """Workers of a Dask cluster: see `players.cluster`; recordings come back with the outcomes."""

    def play(fields: Sequence[Field], task: Task, runs: Path) -> Iterator[FieldResult]:
        inputs = {field: digest(field, task) for field in fields}
        # Named by what they depend on: another map that is made there at the same time may have the same fields.
        names = [f"{field.id}-{inputs[field]}" for field in fields]
        workers = players.cluster(NAMED, address, task.version, reach)
        for outcome, recording in workers(partial(_sent, task=task), fields, names=names):
            _refuse_other_files(outcome, inputs, address)
            _unpack(recording, runs)
            yield outcome

    return play


def _refuse_other_files(outcome: FieldResult, inputs: Mapping[Field, str], address: str) -> None:
    """Raise `InputError` where a worker has measured something else: names lead to files of its own disk."""
    if outcome.inputs != inputs[outcome.field]:
        raise InputError(
            f"--scheduler {address}: a worker has other files (of pack, cell, anode, station, road, car or place) or "
            f"other packages than this computer for {outcome.field}: have the same there, for what it measured is "
            "something else."
        )


def _sent(field: Field, task: Task) -> tuple[FieldResult, bytes]:
    """Measured by a worker: its disk is not ours, so the recording goes with the outcome."""
    with TemporaryDirectory(prefix="packbench-map-") as folder:
        outcome = measure(field, task, Path(folder))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in _files_below(Path(folder)):
                packs_itself = path.suffix in PACKED
                archive.write(path, path.relative_to(folder), zipfile.ZIP_STORED if packs_itself else None)
        return outcome, packed.getvalue()


def _files_below(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _unpack(recording: bytes, runs: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(recording)) as archive, suppress(FileExistsError):
        archive.extractall(runs)
