"""What would have come behind the end of a step that a reading ended too early: the world itself says it.

The referee is the physics alone: a constant current takes what it takes of a pack of known capacity.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Discharge, Rest, Step, elapsed, soc_below
from bench.station import load_station
from bench.testing import TestBench
from reports.recording import Floats, Recording
from truth.behind import Onward, behind, write_nowhere
from truth.instants import Truth
from truth.witness import Witness

PACK = load_pack("lfp-24s")[0]
BEFORE, BEHIND = "before", "behind"


@dataclass
class Watched:
    """A run, what was true in it and behind the ends of its steps, and its folder."""

    recorded: Recording
    true: dict[str, Floats]
    behind: dict[int, dict[str, Floats]]
    folder: Path

    @property
    def truth(self) -> Truth:
        """See `truth.figures.truth_of`."""
        return Truth(self.recorded, self.true, PACK, self.behind)


Watch = Callable[..., Watched]


@pytest.fixture
def watched(tmp_path: Path) -> Watch:
    """Run steps on a bench whose BMS shows so much less charge than there is, with or without a look behind."""

    def run(shown_less: float, *steps: Step, looks: bool = True, defect: str = "") -> Watched:
        station, file = load_station("virtual-module")
        setup = Setup(station, file, *load_pack("lfp-24s"), seed=3, defects=(defect,) if defect else ())
        bench = TestBench(setup, tmp_path / f"{looks}", TestIdentity("x", "x", "x"))
        bench.open()
        bms = bench.engine.bench.world.part("bms")  # type: ignore[union-attr]
        bms.cells._offset, bms.cells._gain = -shown_less, 0.0
        witness = Witness.of(bench)
        if looks:
            Onward(lambda: witness.now, bench.engine.bench.pack, bench.run_log.folder).watch(bench.engine)
        bench.run(*steps)
        bench.conclude()
        folder = bench.run_log.folder
        return Watched(Recording.load(folder), dict(witness.columns), behind(folder), folder)

    return run


TO_20 = (Discharge("C/3", until=soc_below(0.20)), Rest(until=elapsed(minutes=2)))


def test_a_step_that_its_display_ended_too_early_goes_on_until_it_is_so(watched: Watch) -> None:
    run = watched(0.02, *TO_20)
    more, discharge = run.behind[1], run.recorded.steps[0]
    assert run.true["SOC / 1"][discharge.rows][-1] == pytest.approx(0.22, abs=0.002)
    assert more["SOC / 1"][-1] <= 0.20 < more["SOC / 1"][-2]
    assert more["Test Time / s"][0] == pytest.approx(discharge.stop + 1.0)
    # 2 % of what the smallest cell holds, by 0.667 A.
    seconds = float(more["Test Time / s"][-1]) - discharge.stop
    assert seconds == pytest.approx(3600 * 0.02 * 2.0 / (2.0 / 3), rel=0.1)


def test_the_truth_of_its_figures_is_what_the_world_did_there(watched: Watch) -> None:
    """The lowest cell at the end is what the pack showed when it was at 20 %: no straight line from what was before."""
    run = watched(0.02, *TO_20)
    told, more = run.truth.of(run.recorded.steps), run.behind[1]
    last = told.steps[0].rows.stop - 1
    by_world = np.interp(told.steps[0].stop, more["Test Time / s"], more["Cell Voltage Min / V"])
    assert told.at("Cell Voltage Min / V", last) == pytest.approx(float(by_world), abs=1e-6)
    assert told.at("SOC / 1", last) == pytest.approx(0.20, abs=1e-9)
    moved = told.at("Discharging Capacity / Ah", last) - run.true["Discharging Capacity / Ah"][0]
    assert moved == pytest.approx(0.667 * told.steps[0].stop / 3600, rel=0.02)


def test_what_goes_on_leaves_nothing_in_the_run(watched: Watch) -> None:
    looked, unseen = watched(0.02, *TO_20), watched(0.02, *TO_20, looks=False)
    assert looked.behind
    assert not unseen.behind
    np.testing.assert_array_equal(np.asarray(looked.recorded.rows), np.asarray(unseen.recorded.rows))
    kept = {path.name for path in looked.folder.iterdir()}
    assert kept - {path.name for path in unseen.folder.iterdir()} == {"behind-1.npz"}
    for name in ("events.jsonl", "transcript.log"):
        assert len((looked.folder / name).read_bytes()) == len((unseen.folder / name).read_bytes())


def test_a_step_that_ended_too_late_has_nothing_behind_it(watched: Watch) -> None:
    assert watched(-0.02, *TO_20).behind == {}


def test_what_a_copy_writes_into_open_files_is_thrown_away(tmp_path: Path) -> None:
    """A journal, an event log: open in the process that was copied, flushed and synchronised by the copy."""
    path = tmp_path / "journal"
    with path.open("w", encoding="utf-8") as kept:
        kept.write("ours\n")
        kept.flush()
        copy = os.fork()
        if not copy:
            try:
                write_nowhere()
                kept.write("the copy's\n" * 10_000)
                kept.flush()
                os.fsync(kept.fileno())
            finally:
                os._exit(0)
        os.waitpid(copy, 0)
        kept.write("ours again\n")
    assert path.read_text(encoding="utf-8") == "ours\nours again\n"
