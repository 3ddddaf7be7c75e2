"""A search on a cluster: a real one of Dask, of two processes of this computer."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bench.recording.run import versions
from bench.verdicts import InputError
from packbench.adversary.search import NAMED, search
from packbench.players import Player, cluster, processes
from tests.bench.cli_support import packbench_here

distributed = pytest.importorskip("distributed", reason="a cluster is Dask's: the extra `map`")
pytestmark = [
    pytest.mark.dear(60),
    # As in the map's tests: what Dask leaves to the garbage is not our leak.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]
VERSION = versions()["packbench"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        silence_logs=60,
    ) as opened:  # fmt: skip
        yield opened.scheduler_address


def searched(player: Player, manager: str = "percent", budget: int = 10) -> Any:
    return search(manager, budget=budget, player=player, start=5, tell=lambda _: None, days=1)


def test_a_cluster_finds_what_this_computer_does(address: str) -> None:
    there, here = searched(cluster(NAMED, address, VERSION)), searched(processes(NAMED, 1))
    assert here.found is not None
    assert (there.found, there.tried) == (here.found, here.tried)


def test_the_command_searches_on_a_cluster(address: str) -> None:
    done = packbench_here("adversary", "reference", "--weeks", 4, "--days", 1, "--scheduler", address)
    assert done.status == 0, done.err
    assert "reference: no breach in 4 weeks" in done.out


def test_what_a_piece_raises_on_a_worker_is_raised_here(address: str) -> None:
    with pytest.raises(InputError, match="nearest: reference"):
        searched(cluster(NAMED, address, VERSION), "referense")


def test_workers_with_another_packbench_are_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"the worker tcp://.* has packbench \S+, and here it is 99.0: install the"):
        searched(cluster(NAMED, address, "99.0"))
