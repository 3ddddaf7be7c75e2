"""A map on processes of this computer, and whatever ends one of them, or all."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.packbench.mapping.commands import PATIENCE, started, whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
DONE = "[1/3]"


def test_whoever_is_killed_with_all_of_his_processes_goes_on_where_he_was(tmp_path: Path) -> None:
    with started(tmp_path, "--jobs", 1) as first:
        first.wait_for(DONE)
        first.kill_all()
        kept = first.files
        assert 1 <= len(kept) < 3
    with started(tmp_path, "--jobs", 1) as second:
        second.ended()
        assert f"{len(kept)} of 3 fields are there already; {3 - len(kept)} to measure." in second.heard
        whole(second)
        assert kept.items() <= second.files.items()


@pytest.mark.long
def test_ctrl_c_ends_it_in_order_and_the_page_is_drawn(tmp_path: Path) -> None:
    with started(tmp_path, "--jobs", 1) as found:
        found.wait_for(DONE)
        os.killpg(found.process.pid, signal.SIGINT)
        assert found.ended() == 130
        assert found.heard[-1] == "packbench: stopped; what is measured is kept, and the same command goes on."
        assert not any("Traceback" in line for line in found.heard)
        assert "of 3 fields" in found.page
        assert "not measured yet" in found.page
        assert len(found.files) >= 1


@pytest.mark.long
@pytest.mark.parametrize("signalled", ["SIGTERM", "SIGKILL"])
def test_nobody_goes_on_measuring_for_a_map_that_was_ended(tmp_path: Path, signalled: str) -> None:
    with started(tmp_path, "--jobs", 1) as found:
        found.wait_for(DONE)
        pool = found.measuring()
        assert pool
        os.kill(found.process.pid, getattr(signal, signalled))
        status = found.ended()
        _, alive = psutil.wait_procs(pool, timeout=PATIENCE)
        assert alive == []
        if signalled == "SIGTERM":
            assert status == 130
            assert found.heard[-1] == "packbench: stopped; what is measured is kept, and the same command goes on."


@pytest.mark.long
def test_a_process_that_dies_is_told_and_the_same_command_goes_on(tmp_path: Path) -> None:
    with started(tmp_path, "--jobs", 1) as found:
        found.wait_for(DONE)
        kept = found.files
        for each in found.measuring():
            each.kill()
        assert found.ended() == 3
        assert found.heard[-1].startswith("packbench: A process that measured a field of the map died")
        assert not any("Traceback" in line for line in found.heard)
        assert "of 3 fields" in found.page
    with started(tmp_path, "--jobs", 2) as again:
        again.ended()
        whole(again)
        assert kept.items() <= again.files.items()
