"""A long file stays on the disk: what is found in it, and every figure, are those of the same file in memory."""

import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.verdicts import InputError
from reports import kpi
from reports.foreign import ForeignRecording, facts, onfile, open_recording, pieces
from reports.foreign.formats import parquet
from tests.reports.foreign.makes import records

Table = dict[str, Any]


def recorded() -> Table:
    """A discharge and a charge as a cycler tells them, with a pause before each."""
    found = records()
    return {
        "Test Time / s": np.array([each.time for each in found]),
        "Voltage / V": np.array([each.voltage for each in found]),
        "Current / A": np.array([each.current for each in found]),
        "Step Count / 1": np.array([each.step for each in found], dtype=np.int32),
        "Charging Capacity / Ah": np.array([each.charged for each in found]),
        "Discharging Capacity / Ah": np.array([each.discharged for each in found]),
        "Unix Time / s": np.array([1.7e9 + each.time for each in found]),
        "Surface Temperature / degC": np.full(len(found), 25.0) + np.arange(len(found)) % 7,
        "Ambient Temperature / degC": np.full(len(found), 25.0),
    }


def write(path: Path, table: Mapping[str, Any], group: int = 50) -> Path:
    # A number that is missing is a null for some, and no number for others.
    arrays = {
        name: pa.array(values, mask=np.isnan(values) if group % 2 and values.dtype.kind == "f" else None)
        for name, values in table.items()
    }
    pq.write_table(pa.table(arrays), path, row_group_size=group, write_page_checksum=True)
    return path


def told(recording: ForeignRecording) -> dict[str, Any]:
    """Everything that somebody is told of a recording, to the last digit."""
    found = kpi.evaluate(recording)
    return {
        "findings": [(each.check, each.text, sorted(each.withholds)) for each in recording.findings],
        "events": [{key: repr(value) for key, value in event.items()} for event in recording.events],
        "figures": [(each.name, each.step, repr(each.value), each.definition) for each in found.figures],
        "unanswered": [(each.name, each.step) for each in found.unanswered],
        "columns": {
            name: np.asarray(recording.column(name)).tobytes() for name in recording.columns
        },
    }  # fmt: skip


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whatever its length: columns stay in the file, pieces are short, and next to nothing of them is kept."""
    for module in (pieces, onfile):
        monkeypatch.setattr(module, "BATCH", 64)
    monkeypatch.setattr(onfile, "KEPT", 100)
    monkeypatch.setattr(parquet, "LONG", 0)
    return monkeypatch


def in_memory(path: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parquet, "LONG", 10**9)
        return told(open_recording(path))


def leap(column: np.ndarray[Any, Any], place: int, by: float) -> np.ndarray[Any, Any]:
    """As if a meter had been another one from a record on."""
    return np.concatenate((column[:place], column[place:] + by))


DEFECTS: Mapping[str, Any] = {
    "none": lambda table, place: table,
    "time runs backwards": lambda table, place: table | {"Test Time / s": leap(table["Test Time / s"], place, -900.0)},
    "time begins anew": lambda table, place: {name: np.concatenate((each, each)) for name, each in table.items()},
    "hours": lambda table, place: table | {"Test Time / s": table["Test Time / s"] / 3600},
    "a gap": lambda table, place: {name: np.delete(each, slice(place, place + 60)) for name, each in table.items()},
    "civil time falls": lambda table, place: table | {"Unix Time / s": leap(table["Unix Time / s"], place, -7200.0)},
    "a counter falls": lambda table, place: (
        table | {"Discharging Capacity / Ah": leap(table["Discharging Capacity / Ah"], place, -0.4)}
    ),
    "a counter begins anew": lambda table, place: (
        table | {"Charging Capacity / Ah": np.where(table["Step Count / 1"] > 3, table["Charging Capacity / Ah"], 0.7)}
    ),
    "counters are negative": lambda table, place: (
        table | {"Discharging Capacity / Ah": -table["Discharging Capacity / Ah"]}
    ),
    "counters of nothing": lambda table, place: (
        table | {name: 0 * each for name, each in table.items() if "Capacity" in name}
    ),
    "no counters": lambda table, place: {name: each for name, each in table.items() if "Capacity" not in name},
    "no steps": lambda table, place: {name: each for name, each in table.items() if "Step" not in name},
    "no number": lambda table, place: (
        {name: each.astype(float) for name, each in table.items()}
        | {"Surface Temperature / degC": np.where(np.arange(len(table["Voltage / V"])) == place, np.nan, 25.0)}
    ),
    "no voltage": lambda table, place: (
        table | {"Voltage / V": np.where(np.arange(len(table["Voltage / V"])) == place, np.nan, table["Voltage / V"])}
    ),
    "no time": lambda table, place: (
        table
        | {"Test Time / s": np.where(np.arange(len(table["Voltage / V"])) == place, np.nan, table["Test Time / s"])}
    ),
    "kelvin": lambda table, place: table | {"Surface Temperature / degC": table["Surface Temperature / degC"] + 273.15},
    "no sensor": lambda table, place: table | {"Ambient Temperature / degC": 0 * table["Ambient Temperature / degC"]},
    "mV": lambda table, place: (
        {"Voltage / mV": 1000 * table["Voltage / V"]}
        | {name: each for name, each in table.items() if name != "Voltage / V"}
    ),
    "power": lambda table, place: table | {"Power / W": 1000 * table["Voltage / V"] * table["Current / A"]},
    "reversed": lambda table, place: table | {"Current / A": -table["Current / A"]},
    "one sign": lambda table, place: table | {"Current / A": np.abs(table["Current / A"])},
    "a missing end": lambda table, place: {
        name: np.delete(each, np.flatnonzero(table["Step Count / 1"] == 2)[-90:]) for name, each in table.items()
    },
}

LAST = ("no counters", "no steps", "mV")
"""Columns that are not there any more, or called otherwise, are made wrong before."""


@settings(max_examples=40, deadline=None)
@given(
    defects=st.lists(st.sampled_from(sorted(DEFECTS)), min_size=1, max_size=2, unique=True), place=st.integers(61, 300),
    group=st.integers(7, 700), many=st.sampled_from([50, 200_000]),
)  # fmt: skip
@example(defects=["a counter falls"], place=128, group=64, many=50)  # between two pieces
@example(defects=["time runs backwards", "no steps"], place=128, group=64, many=50)
def test_whatever_is_wrong_with_it_a_file_tells_the_same_from_the_disk_as_from_memory(
    defects: list[str], place: int, group: int, many: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = recorded()
    for defect in sorted(defects, key=LAST.index if set(defects) <= set(LAST) else lambda each: each in LAST):
        table = DEFECTS[defect](table, place)
    path = write(tmp_path_factory.getbasetemp() / "both.parquet", table, group)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(facts, "MANY", many)
        patched.setattr(pieces, "BATCH", 64)
        patched.setattr(onfile, "BATCH", 64)
        try:
            expected = in_memory(path)
        except InputError:  # by both: two defects may leave no table of a recording
            expected = {}
        patched.setattr(onfile, "KEPT", 100)
        patched.setattr(parquet, "LONG", 0)
        if not expected:
            with pytest.raises(InputError):
                open_recording(path)
            return
        assert told(open_recording(path)) == expected


def test_a_row_group_that_is_all_of_the_file_is_read_once(long: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long.setattr(onfile, "LARGEST", 100)
    path = write(tmp_path / "one.parquet", recorded(), 10**6)
    assert told(open_recording(path)) == in_memory(path)


def test_two_columns_of_one_name_are_refused_as_ever(long: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = recorded()
    twice = pa.table([*table.values(), table["Unix Time / s"]], names=[*table, "Unix Time / s"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(InputError, match="2 columns 'Unix Time / s'"):
        in_memory(tmp_path / "twice.parquet")
    with pytest.raises(InputError, match="2 columns 'Unix Time / s'"):
        open_recording(tmp_path / "twice.parquet")


def test_a_damaged_page_is_found_before_anything_is_told(long: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path / "damaged.parquet", recorded())
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(3).column(1)
    data[column.dictionary_page_offset + column.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match="is damaged, nothing in it is believed") as caught:
        open_recording(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_changes_while_it_is_judged_is_not_believed(long: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path / "changing.parquet", recorded())
    recording = open_recording(path)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(InputError, match="has changed while it was read") as caught:
        recording.column("Surface Temperature / degC")
    assert "\n" not in str(caught.value)


def test_of_a_long_file_time_and_current_alone_are_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What is kept and sampled of the rest does not grow with the file.
    monkeypatch.setattr(onfile, "KEPT", 2**18)
    monkeypatch.setattr(facts, "MANY", 1000)
    rows, names = parquet.LONG, list(recorded())
    table = {name: np.arange(rows) * 1.0 for name in names}
    table["Current / A"] = np.where(np.arange(rows) < rows // 2, -2.0, 2.0)
    table["Step Count / 1"] = np.where(np.arange(rows) < rows // 2, 1, 2).astype(np.int32)
    table["Voltage / V"] = 3.5 - 0.5 * np.cos(2 * np.pi * np.arange(rows) / rows)
    table["Surface Temperature / degC"] = 25.0 + np.arange(rows) % 9
    table |= {name: np.full(rows, 25.0) for name in ("Ambient Temperature / degC",)}
    path = write(tmp_path / "long.parquet", table, 2**16)
    tracemalloc.start()
    try:
        kpi.evaluate(open_recording(path))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Beside the two there are the direction of each record, and one column of one step at a time.
    assert most < 8 * rows * 3.5
