"""A map on a cluster: a real one of Dask, of two processes of this computer, and what can be wrong with it."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.recording.run import versions
from bench.verdicts import BenchFault, InputError
from packbench.mapping import players
from packbench.mapping.fields import Field, Task
from packbench.mapping.measuring import measure
from packbench.mapping.outcome import FieldResult
from packbench.players import SELDOM, seldom_interrupted
from reports.recording import Recording
from tests.bench.cli_support import packbench_here
from tests.packbench.mapping.outcomes import SEASON, hop

distributed = pytest.importorskip("distributed", reason="a cluster is Dask's: the extra `map`")
pytestmark = [
    pytest.mark.dear(60),
    # Sockets and pipes to a worker that was killed are Dask's; where it leaves one to the garbage it is not our leak.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]
LITTLE = Task("virtual-module", version=versions()["packbench"])


def local_cluster(workers: int) -> Any:
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        silence_logs=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with local_cluster(2) as opened:
        yield opened.scheduler_address


@pytest.fixture
def fields(tmp_path: Path) -> list[Field]:
    return [Field("lfp-24s", hop(tmp_path, f"hop{number}.yaml"), SEASON) for number in range(4)]


def recorded(found: FieldResult, runs: Path) -> bool:
    return Recording.load(runs / found.run).step("fast recharge").duration > 0


def test_it_measures_what_this_computer_does_and_recordings_arrive(
    address: str, fields: list[Field], tmp_path: Path
) -> None:
    told = packbench_here(
        "map", "--roads", ",".join(each.road for each in fields[:2]), "--seasons", SEASON, "--packs", "lfp-24s",
        "--station", "virtual-module", "--conditioning", "without", "--scheduler", address,
        "--output", tmp_path / "map", "--runs", tmp_path / "runs", "--json",
    )  # fmt: skip
    there = [FieldResult.of(each) for each in json.loads(told.out)["fields"]]
    here = measure(fields[0], LITTLE, tmp_path / "here")
    assert [each.field for each in there] == fields[:2]
    assert all(recorded(each, tmp_path / "runs") for each in there)
    for each in there:
        # A road of the same shape is the same road, whatever its file is called.
        assert {name: figure.value for name, figure in each.figures.items()} == pytest.approx(
            {name: figure.value for name, figure in here.figures.items()}, nan_ok=True
        )
        assert (each.verdict, each.scale, each.curve) == (here.verdict, here.scale, here.curve)
    assert there[0].inputs == here.inputs


def test_a_worker_that_is_killed_loses_no_field_and_doubles_none(
    address: str, fields: list[Field], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    arriving = players.cluster(address)(fields, LITTLE, runs)
    found = [next(arriving)]
    assert recorded(found[0], runs)
    with distributed.Client(address, set_as_default=False) as client:
        processing = {worker: keys for worker, keys in client.processing().items() if keys}
        pids = client.run(os.getpid)
    victim = next(iter(processing))
    os.kill(pids[victim], signal.SIGKILL)
    found += arriving
    assert sorted(each.field.id for each in found) == sorted(each.id for each in fields)
    assert {each.verdict for each in found} == {"PASS"}
    assert len({each.run for each in found}) == len(fields)
    assert len(list(runs.glob("*/*/run.json"))) == len(fields)
    assert all(recorded(each, runs) for each in found)


def looks_each() -> tuple[list[float], list[float]]:
    """How often (ms) this worker looks at itself: before, and while a field is measured by it."""

    def each() -> list[float]:
        callbacks = distributed.get_worker().periodic_callbacks
        return [callbacks[name].callback_time for name in ("profile", "tick")]

    before = each()
    with seldom_interrupted():
        return before, each()


def test_a_worker_leaves_a_field_alone_and_looks_at_itself_again_afterwards(address: str) -> None:
    with distributed.Client(address, set_as_default=False) as client:
        first, second = (
            client.submit(looks_each, pure=False, workers=[min(client.ncores())]).result() for _ in range(2)
        )
    assert first == second
    before, meanwhile = first
    assert max(before) < SELDOM == min(meanwhile)


def test_workers_with_another_packbench_are_refused(address: str, fields: list[Field], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the worker tcp://.* has packbench \S+, and here it is 99.0: install the"):
        list(players.cluster(address)(fields, replace(LITTLE, version="99.0"), tmp_path))


def test_workers_with_other_files_are_refused(
    address: str, fields: list[Field], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(players, "digest", lambda *_field: "of other files")
    with pytest.raises(InputError, match=r"a worker has other files .* or other packages than this computer"):
        list(players.cluster(address)(fields[:1], LITTLE, tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_cluster_without_workers_is_refused_in_a_sentence(fields: list[Field], tmp_path: Path) -> None:
    with local_cluster(0) as opened, pytest.raises(InputError, match="it has no worker; start some with `dask worker "):
        list(players.cluster(opened.scheduler_address)(fields, LITTLE, tmp_path))


def test_a_scheduler_that_goes_is_told_and_what_came_is_kept(fields: list[Field], tmp_path: Path) -> None:
    with local_cluster(1) as opened:
        arriving = players.cluster(opened.scheduler_address)(fields, LITTLE, tmp_path / "runs")
        first = next(arriving)
        opened.close()
        with pytest.raises(BenchFault, match="is gone, or has dropped the map: what is done is kept"):
            list(arriving)
    assert recorded(first, tmp_path / "runs")


def test_nobody_at_the_address_is_wrong_input(tmp_path: Path) -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))  # and does not listen
        address = f"tcp://127.0.0.1:{mine.getsockname()[1]}"
        with pytest.raises(
            InputError, match=f"--scheduler {address}: no scheduler answers there within 1 s; start one"
        ):
            list(players.cluster(address, reach=1.0)([Field("lfp-24s", hop(tmp_path), SEASON)], LITTLE, tmp_path))


@pytest.mark.parametrize("address", ["foo", "tcp://127.0.0.1", "127.0.0.1:8786", "tcp://:8786", "tcp://host:port", ""])
def test_what_is_no_address_is_refused_at_once(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no address; one has a protocol, a host and a port"):
        list(players.cluster(address)([Field("lfp-24s", hop(tmp_path), SEASON)], LITTLE, tmp_path))


def test_a_scheduler_for_the_one_bench_there_is_is_refused(tmp_path: Path) -> None:
    at = ("--scheduler", "tcp://127.0.0.1:8786", "--output", tmp_path / "map")
    told = packbench_here("map", "--station", "served-module", *at)
    assert told.status == 2
    assert not (tmp_path / "map").exists()
    assert "is one bench, and a cluster is many: leave out --scheduler" in told.err


def test_without_dask_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs Dask, and it is not here: pip install 'packbench\[map\]'"):
        list(players.cluster("tcp://h:1")([Field("lfp-24s", hop(tmp_path), SEASON)], LITTLE, tmp_path))
