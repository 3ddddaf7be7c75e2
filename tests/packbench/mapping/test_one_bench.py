"""A map on the one bench that there is: on real sockets and the wall clock, and asked to end while a current flows."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.safety.lease import BenchLease
from bench.verdicts import BenchFault
from campaign.served import served
from packbench.mapping import players
from packbench.mapping.fields import Field, Task
from packbench.mapping.outcome import FieldResult
from tests.bench.cli_support import ROOT
from tests.packbench.mapping.outcomes import SEASON, TASK, failed, hop

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"), pytest.mark.real_time]
PATIENCE = 120


def test_a_map_that_is_stopped_while_a_current_flows_leaves_the_bench_off_and_free(tmp_path: Path) -> None:
    lease = tmp_path / "bench.lock"
    # Below the charge that it is to leave with: it has to be charged first, and is in the middle of that.
    with served(tmp_path, extra={"lease": {"file": str(lease)}}, speed=10, soc=0.09) as bench:
        arguments = (
            "map", "--station", bench.station, "--packs", "lfp-24s", "--roads", hop(tmp_path), "--seasons", SEASON,
            "--conditioning", "without", "--output", tmp_path / "map", "--runs", tmp_path / "runs",
        )  # fmt: skip
        command = [sys.executable, "-c", "from packbench.cli import main; main()", *map(str, arguments)]
        with subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        ) as process:  # fmt: skip
            bench.wait_for("state", supply=True)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            said = process.stderr.read()
            assert process.wait(PATIENCE) == 130, said
        bench.wait_for("state", supply=False, load=False, contactor=False)
    assert "packbench: stopped; what is measured is kept" in said
    assert "Traceback" not in said
    (path,) = (tmp_path / "runs").glob("*/*/run.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["verdict"] == "ABORTED"
    assert record["bench_verdict"]["safe"]
    assert record["lease"]
    assert "0 of 1 fields, 1 not measured yet" in (tmp_path / "map" / "index.html").read_text(encoding="utf-8")
    assert [each["name"] for each in record_of_steps(path.parent)][-1] == "up to departure"
    BenchLease(lease, "somebody else").release()


def record_of_steps(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == "step started"]


def test_a_bench_that_has_failed_is_not_given_another_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[Field] = []

    def measure(field: Field, _task: Task, _runs: Path, _lease: BenchLease | None) -> FieldResult:
        measured.append(field)
        return failed(field.road, verdict="BENCH FAULT" if len(measured) == 2 else "FAIL")

    monkeypatch.setattr(players, "measure", measure)
    fields = [Field("lfp-24s", road, SEASON) for road in ("a", "b", "c")]
    arriving = players.one_bench(fields, TASK, tmp_path)
    assert [next(arriving).verdict, next(arriving).verdict] == ["FAIL", "BENCH FAULT"]
    with pytest.raises(BenchFault, match="The bench has failed, and the map stops: over-temperature"):
        next(arriving)
    assert measured == fields[:2]
