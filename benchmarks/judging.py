"""How long the figures of a very long run take, from Parquet with the checksums of the columns read, and its memory."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.recording.rows import BATCH, Floats
from bench.recording.table import digest_of, parts_of

ROWS, STEPS = 10_000_000, 20
AIM = 1.5
"""s that the figures of ten million rows may take, once everything is imported."""


def main(rows: int = ROWS) -> None:
    """Record, so to say, a run of 20 steps of 0.1 s a row; print what judging it takes in a process of its own."""
    with TemporaryDirectory() as folder:
        run = _write(Path(folder) / "day" / "run", rows)
        size = (run / "samples.parquet").stat().st_size / 1e6
        done = subprocess.run([sys.executable, "-m", __name__, str(run)], capture_output=True, text=True, check=True)
        print(f"{rows:,} rows, {STEPS} steps, {size:.0f} MB: {done.stdout.strip()} (aim: {AIM:g} s)")


def judge(run: Path) -> None:
    """Print the time of everything behind the imports, and the largest memory."""
    from reports import kpi
    from reports.recording import Recording

    kpi.found()
    begun, used = time.perf_counter(), time.process_time()
    found = kpi.evaluate(Recording.load(run))
    took, used = time.perf_counter() - begun, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(found.figures)} figures in {took:.2f} s ({used:.2f} s of the processor), {memory:.0f} MB in memory")


def _write(run: Path, rows: int) -> Path:
    run.mkdir(parents=True)
    path = run / "samples.parquet"
    schema = pa.schema([(name, pa.int32() if name == columns.STEP else pa.float64()) for name in DERIVED])
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in _batches(rows):
            arrays = [pa.array(batch[:, place]).cast(field.type) for place, field in enumerate(schema)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    samples = {"file": path.name, "rows": rows, "sha256": digest_of(path), **parts_of(path)}
    manifest = {
        "schema": 2, "run_id": "day/run", "state": "ended", "verdict": "PASS", "cause": None, "measurements": [],
        "instruments": [], "pack": {"name": "x", "capacity": 28.0}, "kpis": [], "samples": samples,
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in _events(rows)), encoding="utf-8")
    return run


def _events(rows: int) -> Iterator[dict[str, object]]:
    seconds = rows // STEPS * 0.1
    for step in range(STEPS):
        way = "charge" if step % 2 == 0 else "discharge"
        common = {"index": step + 1, "name": f"{way} {step // 2 + 1}"}
        yield {
            "time": step * seconds, "type": "step started", **common, "kind": way.capitalize(), "step_type": "",
            "set_points": {}, "until": [], "direction": way, "resumable": True,
        }  # fmt: skip
        yield {
            "time": (step + 1) * seconds, "type": "step ended", **common, "duration": seconds, "ended_by": "its time",
            "reached": {}, "verdict": "PASS",
        }  # fmt: skip


def _batches(rows: int) -> Iterator[Floats]:
    """2 A in and out by turns, with the noise of meters: what does not repeat cannot be compressed away."""
    noise, length = np.random.default_rng(9), rows // STEPS
    for start in range(0, rows, BATCH):
        row = np.arange(start, min(start + BATCH, rows))
        step = np.minimum(row // length, STEPS - 1)
        way = np.where(step % 2 == 0, 1.0, -1.0)
        inside = row - step * length
        charged = ((step + 1) // 2) * length + np.where(way > 0, inside, 0)
        batch = np.full((len(row), len(DERIVED)), nan)
        values = {
            columns.TEST_TIME: row * 0.1, columns.STEP: step + 1.0, columns.CURRENT: 2 * way, columns.VOLTAGE: 80.0,
            columns.CHARGE_AH: charged * 0.2 / 3600, columns.DISCHARGE_AH: (row - charged) * 0.2 / 3600,
            columns.CHARGE_WH: charged * 16 / 3600, columns.DISCHARGE_WH: (row - charged) * 16 / 3600,
            columns.CELL_VOLTAGE_MIN: 3.30, columns.CELL_VOLTAGE_MAX: 3.31, columns.CELL_TEMPERATURE_MAX: 26.0,
            columns.SOC: 0.5 + 0.4 * np.sin(row / 1e5), columns.SET_TEMPERATURE: 25.0, columns.SET_VOLTAGE: 87.6,
        }  # fmt: skip
        for name, value in values.items():
            rough = name in (columns.CURRENT, columns.VOLTAGE) or name.startswith("Cell")
            batch[:, INDEX[name]] = np.round(value + noise.normal(0, 1e-3, len(row)), 4) if rough else value
        yield batch


if __name__ == "__main__":
    judge(Path(sys.argv[1]))
