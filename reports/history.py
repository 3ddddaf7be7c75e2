"""KPIs of earlier runs, one line per run, so that a figure can be seen against its own past.

The file lies beside the runs and is only ever appended to; building the same report again adds nothing.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FILE = "kpi-history.jsonl"
LENGTH = 30  # points of a trend: a month of nightlies

Key = tuple[str, str, str, str, str]


def append(runs: Path, manifests: Iterable[Mapping[str, Any]]) -> None:
    """Add the runs that the history does not know yet."""
    known = {entry["run_id"] for entry in read(runs)}
    lines = [json.dumps(_entry(manifest)) for manifest in manifests if manifest["run_id"] not in known]
    if lines:
        runs.mkdir(parents=True, exist_ok=True)
        with (runs / FILE).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


def read(runs: Path) -> list[dict[str, Any]]:
    """Read every entry; a line that was cut off is passed over."""
    path = runs / FILE
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"run_id", "test", "kpis"} <= entry.keys():
            entries.append(entry)
    return entries


def trends(runs: Path) -> dict[Key, list[float]]:
    """Collect the last values of every figure by test, station, pack, step and name, oldest first."""
    found: dict[Key, list[float]] = {}
    for entry in sorted(read(runs), key=lambda entry: str(entry.get("started"))):
        for kpi in entry["kpis"]:
            key = (entry["test"], entry.get("station", ""), entry.get("pack", ""), kpi["step"], kpi["name"])
            found.setdefault(key, []).append(float(kpi["value"]))
    return {key: values[-LENGTH:] for key, values in found.items()}


def key_of(manifest: Mapping[str, Any], step: str, name: str) -> Key:
    """Name a figure of a run as `trends` does."""
    return (manifest["test"]["nodeid"], manifest["station"]["name"], manifest["pack"]["name"], step, name)


def _entry(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kpis = [{name: kpi[name] for name in ("name", "step", "value", "unit")} for kpi in manifest.get("kpis", ())]
    return {
        "run_id": manifest["run_id"],
        "started": manifest.get("started"),
        "test": manifest["test"]["nodeid"],
        "station": manifest["station"]["name"],
        "pack": manifest["pack"]["name"],
        "git": manifest["versions"].get("git"),
        "verdict": manifest.get("verdict"),
        "kpis": kpis,
    }
