"""`packbench picture`: the week of a manager as a file for somebody who has no report."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bench.grid.steps import FollowPower, Manage
from bench.testing import TestBench
from models.grid.week import Days
from tests.bench.cli_support import packbench_here
from tests.bench.managing.manager import manager

PNG = b"\x89PNG\r\n"


@pytest.mark.long
def test_a_managed_run_is_drawn_into_a_file_and_any_other_is_refused(
    on: Callable[..., TestBench], tmp_path: Path
) -> None:
    flat = np.ones(4)
    days = Days(
        datetime(2026, 1, 12, tzinfo=UTC), "paris-january", outside=5 * flat, house=400 * flat, sun=0 * flat,
        buy=0.25 * flat, sell=0.1 * flat,
    )  # fmt: skip
    bench = on("virtual-module", soc=0.5)
    with manager(lambda _asked: {"power": 2000}) as (address, _):
        bench.run(Manage(address, days))
    bench.conclude()
    file = tmp_path / "week.png"
    done = packbench_here("picture", bench.run_log.folder, "--output", file)
    assert done.status == 0, done
    assert file.read_bytes().startswith(PNG)
    assert packbench_here("picture", bench.run_log.folder, "--output", file).status == 2
    assert packbench_here("picture", bench.run_log.folder, "--output", file, "--force").status == 0

    other = on("virtual-module", soc=0.5)
    other.run(FollowPower([(0.0, 50.0), (20.0, 0.0)]))
    other.conclude()
    refused = packbench_here("picture", other.run_log.folder, "--output", tmp_path / "none.png")
    assert refused.status == 2
    assert "no step of it was managed" in str(refused)
    assert not (tmp_path / "none.png").exists()
