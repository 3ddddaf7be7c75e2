"""What a field of a map costs: in this process, on a pool of processes, and on a cluster of Dask of as many workers.

A field is a night outside, a short hop and a recharge, by turns with and without preconditioning, on `virtual-vehicle`.
What Dask adds is the time of a batch on its cluster over that of the same batch on the pool; both are warm: a process
that has just begun imports for as long as a field takes. The two run by turns, and the median of the pairs counts.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.recording.run import versions
from packbench.mapping.fields import Field, Task, fields_of
from packbench.mapping.measuring import measure
from packbench.mapping.players import Player, cluster, processes

WORKERS = 2
FIELDS = 8
PAIRS = 4
DEFAULT = 192
MOST_OVERHEAD, MOST = 0.05, 600.0
"""Of a field's time, and s of the default map on two cores."""
SEASONS = ("oslo-winter@7", "paris-spring@8", "seville-summer@15", "paris-autumn@18")


def fields(packs: tuple[str, ...] = ("lfp-vehicle",)) -> list[Field]:
    """Eight for each pack."""
    return fields_of(packs, ("short-hop",), SEASONS)


def task() -> Task:
    """On the pack of a car."""
    return Task("virtual-vehicle", version=versions()["packbench"])


def alone(batch: list[Field]) -> float:
    """Seconds of each field in this process, once everything is imported."""
    with TemporaryDirectory() as folder:
        measure(batch[0], task(), Path(folder))
        began = perf_counter()
        for field in batch:
            measure(field, task(), Path(folder))
        return (perf_counter() - began) / len(batch)


def played(player: Player, batch: list[Field]) -> float:
    """Seconds of each field and worker: those that come behind the first of every worker, which has to import."""
    with TemporaryDirectory() as folder:
        arriving = player(batch, task(), Path(folder))
        times = [perf_counter() for _ in arriving]
        return WORKERS * (times[-1] - times[WORKERS - 1]) / (len(batch) - WORKERS)


@contextmanager
def dask() -> Iterator[str]:
    """Address of a cluster on this computer."""
    from distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        silence_logs=60,
    ) as opened:  # fmt: skip
        yield str(opened.scheduler_address)


def main() -> None:
    """Print the figures beside what they may be."""
    batch = fields()[:FIELDS]
    print(f"a field in this process:          {alone(batch[:4]):6.2f} s ({os.cpu_count()} cores)")
    if find_spec("distributed") is None:
        _tell(played(processes(WORKERS), batch))
        print("Dask is not here: pip install 'packbench[map]'")
        return
    pool, there = _by_turns(batch)
    _tell(median(pool))
    share = median(one / other for one, other in zip(there, pool, strict=True)) - 1
    print(f"on Dask with {WORKERS} workers:            {median(there):6.2f} s")
    print(f"what Dask adds to a field:        {100 * share:+6.1f} % (at most {100 * MOST_OVERHEAD:.0f}), {PAIRS} pairs")


def _by_turns(batch: list[Field]) -> tuple[list[float], list[float]]:
    """Pool and cluster, each second as often as first: whoever comes second finds another machine."""
    pool, there = list[float](), list[float]()

    def on_the_pool() -> None:
        pool.append(played(processes(WORKERS), batch))

    def on_the_cluster() -> None:
        with dask() as address:
            there.append(played(cluster(address), batch))

    for pair in range(PAIRS):
        for measured in (on_the_pool, on_the_cluster)[:: 1 if pair % 2 else -1]:
            measured()
    return pool, there


def _tell(pool: float) -> None:
    print(f"on a pool of {WORKERS} processes:          {pool:6.2f} s, {60 * WORKERS / pool:.1f} fields a minute")
    whole = DEFAULT * pool / WORKERS
    print(f"a map of {DEFAULT} fields like these:    {whole:6.0f} s (at most {MOST:.0f})")


if __name__ == "__main__":
    main()
