"""How long the figures of a very long recording take, their uncertainties, and the memory: of runs, and of a file.

All from Parquet, with the checksums of the columns read. Of ours a column is read when a figure asks for it; somebody
else's file is examined first, each column in one pass, and but for time and current nothing is held. One run of ours
has the meters of a module (supply, load, 24 cells, 8 sensors, a BMS), the other names none, and their accuracy is
assumed. The processor's seconds tell what was to be done, whatever else the machine has to do.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.recording.rows import BATCH, Floats
from bench.recording.table import digest_of, parts_of
from reports.kpi import Kpi

ROWS, STEPS = 10_000_000, 20
AIM = 1.5
"""s that the figures of ten million rows may take, once everything is imported; their uncertainties ten times that."""


def main(rows: int = ROWS) -> None:
    """Record, so to say, a run of 20 steps of 0.1 s a row; print what judging it takes in a process of its own."""
    with TemporaryDirectory() as folder:
        written = {
            "a run of ours": _write(Path(folder) / "day" / "run", rows) / "samples.parquet",
            "a run with a module's meters": _write(Path(folder) / "day" / "module", rows, MODULE) / "samples.parquet",
            "a file of theirs": _write_foreign(Path(folder) / "theirs.parquet", rows),
        }
        for what, path in written.items():
            _tell(what, path, rows)


def _tell(what: str, path: Path, rows: int) -> None:
    asked = path.parent if path.name == "samples.parquet" else path
    done = subprocess.run([sys.executable, "-m", __name__, str(asked)], capture_output=True, text=True, check=True)
    size = path.stat().st_size / 1e6
    print(f"{what}, {rows:,} rows, {STEPS} steps, {size:.0f} MB: {done.stdout.strip()} (aim: {AIM:g} s)")


def judge(path: Path) -> None:
    """Print the time of everything behind the imports, and the largest memory."""
    from reports import kpi
    from reports.foreign import open_recording
    from reports.foreign.checks import checks
    from reports.foreign.registry import formats
    from reports.recording import Recording

    for found_first in (kpi.found, checks, formats):
        found_first()
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    found = kpi.evaluate(Recording.load(path) if path.is_dir() else open_recording(path))
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    more = f"; {_uncertainties(found.figures)}" if path.is_dir() else ""  # nobody knows the meters of somebody else
    computing, touching = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    print(
        f"{len(found.figures)} figures in {took:.2f} s ({computing:.2f} s of the processor and {touching:.2f} s of the "
        f"system, mostly for fresh memory), {after.ru_maxrss / 1024:.0f} MB in memory{more}"
    )


def _uncertainties(figures: Sequence[Kpi]) -> str:
    from reports.uncertainty import uncertainty

    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    for figure in figures:
        uncertainty(figure)
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    computing = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"their uncertainties in {took:.1f} s ({computing:.1f} s of the processor), {after.ru_maxrss / 1024:.0f} MB"


THEIRS = (
    columns.TEST_TIME, columns.STEP, columns.CURRENT, columns.VOLTAGE, columns.CHARGE_AH, columns.DISCHARGE_AH,
    columns.CHARGE_WH, columns.DISCHARGE_WH, columns.UNIX_TIME, columns.AMBIENT, columns.SURFACE,
)  # fmt: skip
"""What a cycler writes."""


def _write_foreign(path: Path, rows: int) -> Path:
    """The same in Battery Data Format, of one cell whose voltage goes with its charge."""
    schema = pa.schema([(name, pa.int32() if name == columns.STEP else pa.float64()) for name in THEIRS])
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in _batches(rows):
            time_s, way = batch[:, INDEX[columns.TEST_TIME]], np.sign(batch[:, INDEX[columns.CURRENT]])
            net = batch[:, INDEX[columns.CHARGE_AH]] - batch[:, INDEX[columns.DISCHARGE_AH]]
            full = rows // STEPS * 0.1 * 2 / 3600
            given = {
                columns.VOLTAGE: np.round(batch[:, INDEX[columns.VOLTAGE]] - 76.5 + 0.6 * net / full + 0.05 * way, 4),
                columns.UNIX_TIME: 1.7e9 + time_s, columns.AMBIENT: np.full(len(batch), 25.0),
                columns.SURFACE: batch[:, INDEX[columns.CELL_TEMPERATURE_MAX]],
            }  # fmt: skip
            arrays = [pa.array(given.get(name, batch[:, INDEX[name]])) for name in THEIRS]
            cast = [each.cast(field.type) for each, field in zip(arrays, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(cast, schema=schema))
    return path


CELLS, SENSORS = 24, 8
MODULE: Sequence[Mapping[str, Any]] = (
    {"name": "supply", "driver": "ea-psb10000", "model": "PSB 10750-06", "roles": ["source"]},
    {"name": "load", "driver": "chroma-63600", "model": "63640-150-60", "roles": ["sink"]},
    {"name": "emulator", "driver": "ngi-n83624", "model": "N83624", "roles": ["emulator"]},
    {"name": "temperatures", "driver": "agilent-34970a", "model": "34970A", "roles": ["temperatures"]},
    {"name": "bms", "driver": "foxbms", "model": "foxBMS 2", "roles": ["bms"]},
)
"""As a manifest has them; how far they may be off, the data sheets of their drivers say."""


def _raw(batch: Floats) -> Mapping[str, Floats]:
    """What the module's meters read, so that it is what the derived columns are made of."""
    low, high, hot = (
        batch[:, INDEX[name]]
        for name in (columns.CELL_VOLTAGE_MIN, columns.CELL_VOLTAGE_MAX, columns.CELL_TEMPERATURE_MAX)
    )
    current = batch[:, INDEX[columns.CURRENT]]
    cells = [np.round(low + (high - low) * place / (CELLS - 1), 4) for place in range(CELLS)]
    sensors = [np.round(hot - 0.2 * place, 4) for place in range(SENSORS)]
    return {
        "Supply Voltage / V": batch[:, INDEX[columns.VOLTAGE]], "Supply Current / A": np.maximum(current, 0.0),
        "Load Voltage / V": batch[:, INDEX[columns.VOLTAGE]], "Load Current / A": np.minimum(current, 0.0),
        **{f"Emulator Cell {number} / V": each for number, each in enumerate(cells, 1)},
        **{f"Temperatures Sensor {number} / degC": each for number, each in enumerate(sensors, 1)},
        "Bms Soc Min / 1": batch[:, INDEX[columns.SOC]],
    }  # fmt: skip


def _write(run: Path, rows: int, instruments: Sequence[Mapping[str, Any]] = ()) -> Path:
    run.mkdir(parents=True)
    path = run / "samples.parquet"
    names = [*DERIVED, *(_raw(np.zeros((1, len(DERIVED)))) if instruments else ())]
    schema = pa.schema([(name, pa.int32() if name == columns.STEP else pa.float64()) for name in names])
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in _batches(rows):
            values = [*batch.T, *(_raw(batch).values() if instruments else ())]
            arrays = [pa.array(each).cast(field.type) for each, field in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    samples = {"file": path.name, "rows": rows, "sha256": digest_of(path), **parts_of(path)}
    manifest = {
        "schema": 2, "run_id": f"day/{run.name}", "state": "ended", "verdict": "PASS", "cause": None,
        "measurements": [], "instruments": list(instruments), "pack": {"name": "x", "capacity": 28.0},
        "kpis": [], "samples": samples,
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
