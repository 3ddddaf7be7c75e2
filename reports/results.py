"""The folder of Allure results as a whole: what it holds, what it lacks, what all its tests have in common.

One test's result is filled by `reports.allure`; here nothing is known of samples or figures.
"""

import json
import os
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from reports import wholeness
from reports.page import write

MANIFEST = "run.json"
FIGURE, INTERACTIVE, EVENTS = "Voltage, current, temperature, SOC", "Interactive figure", "Events"
FORENSICS, RECORDED = "The last minute", "Recorded data"
"""Names of attachments."""
NOT_BELIEVED = "not-believed"
"""Tag of a test whose recording is not to be believed."""
IDENTIFYING = ("station", "pack", "clock", "seed", "defects", "versions")
"""Parts of a manifest that say what was tested and by what."""
SESSION: Final = "packbench-session.json"  # Allure leaves files alone whose names it does not know
# First match wins. The patterns keep to what both generations of Allure understand.
CATEGORIES: Final = (
    {"name": "Aborted or not run", "statuses": ["broken"], "message": ".*(ABORTED|NOT RUN):.*"},
    {"name": "Test code wrong", "statuses": ["broken"], "message": ".*TEST ERROR:.*"},
    {"name": "Bench failed", "statuses": ["broken"], "message": ".*"},
    {"name": "Energy manager failed", "statuses": ["failed"], "message": ".*MANAGER FAIL:.*"},
    {"name": "Charger failed", "statuses": ["failed"], "message": ".*CHARGER FAIL:.*"},
    {"name": "Pack failed", "statuses": ["failed"], "message": ".*"},
    {"name": "Inconclusive", "statuses": ["skipped"], "message": ".*INCONCLUSIVE:.*"},
)


@dataclass(frozen=True, slots=True)
class CollectedTest:
    """A test that pytest means to run, as Allure will know it, so that a lost result can be told by name."""

    nodeid: str
    title: str
    full_name: str
    history_id: str
    labels: list[tuple[str, str]] = field(default_factory=list)


def clean(results: Path) -> None:
    """Remove the files of an earlier session, and nothing in folders: those are not Allure's.

    What is meant to run now has been written down already, by whoever collected it. A worker may be writing it
    down again at this moment, by way of a file of another name.
    """
    if results.is_dir():
        with os.scandir(results) as entries:
            for entry in entries:
                if entry.is_file() and not entry.name.startswith(SESSION):
                    Path(entry.path).unlink(missing_ok=True)


def read_results(results: Path) -> Iterator[dict[str, Any]]:
    """Read every result file, one after the other; one that is not whole is passed over, see `read_result`."""
    found = map(read_result, sorted(results.glob("*-result.json")))
    return (result for result in found if result is not None)


def read_result(path: Path) -> dict[str, Any] | None:
    """One result; None where it, or the manifest that it shows, is not whole: a killed writer, a disk, a copy.

    Such a test is told from its run like one that left no result (`reports.lost`).
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return result if wholeness.is_result(result) and _shows_its_run(result, path.parent) else None
    except (OSError, ValueError):
        return None


def _shows_its_run(result: Mapping[str, Any], results: Path) -> bool:
    """Whether the manifest that hangs on it, if any, can be read. Raises `OSError` where it is gone."""
    names = (entry["source"] for entry in result.get("attachments", ()) if entry.get("name") == MANIFEST)
    return all(
        _is_manifest(path, path.stat().st_mtime_ns, path.stat().st_size) for path in map(results.joinpath, names)
    )


@cache
def _is_manifest(path: Path, _changed: int, _size: int) -> bool:
    """Asked once for each file as it is: results are read by several, and a manifest is long."""
    return wholeness.is_manifest(json.loads(path.read_text(encoding="utf-8")))


def are_all_of(results: Path, nodeids: Container[str]) -> bool:
    """Whether the folder is there and every result in it belongs to one of these tests."""
    return results.is_dir() and all(label(result, "nodeid") in nodeids for result in read_results(results))


def copy(results: Path, target: Path, nodeids: Container[str] | None) -> None:
    """Copy the results of these tests (None: of all), with everything that hangs on them, and what was meant to run."""
    for path in results.glob("*-result.json"):
        result = read_result(path)
        if result is None or (nodeids is not None and label(result, "nodeid") not in nodeids):
            continue
        wanted = [path, *(results / str(entry["source"]) for entry in result.get("attachments", ()))]
        for file in filter(Path.is_file, wanted):
            shutil.copyfile(file, target / file.name)
    if (results / SESSION).is_file():
        shutil.copyfile(results / SESSION, target / SESSION)


def attachment(result: Mapping[str, Any], name: str, results: Path) -> Path | None:
    """Find the file of an attachment by the name it was given."""
    for entry in result.get("attachments", ()):
        path = results / str(entry["source"])
        if entry.get("name") == name and path.is_file():
            return path
    return None


def manifest_of(result: Mapping[str, Any], results: Path) -> dict[str, Any] | None:
    """Read the manifest of the run that a result shows."""
    path = attachment(result, MANIFEST, results)
    if not path:
        return None
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def label(result: Mapping[str, Any], name: str) -> str | None:
    """Read the first label of that name."""
    return next((entry.get("value", "") for entry in result.get("labels", ()) if entry["name"] == name), None)


def remember_collected(results: Path, tests: Iterable[CollectedTest]) -> None:
    """Write down which tests are meant to run, before the first one can take the process with it."""
    results.mkdir(parents=True, exist_ok=True)
    new = results / f"{SESSION}.{uuid4()}"  # parallel workers write the same list at the same time
    new.write_text(json.dumps({"tests": [asdict(test) for test in tests]}), encoding="utf-8")
    new.replace(results / SESSION)


def collected(results: Path) -> list[CollectedTest]:
    """The tests that were meant to run; none where nobody wrote that down, or it cannot be read."""
    try:
        tests = json.loads((results / SESSION).read_text(encoding="utf-8"))["tests"]
        return [CollectedTest(**test) for test in tests]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def write_environment(results: Path) -> None:
    """Write what all runs have in common, from the manifests attached: categories, environment, executor."""
    manifests = _manifests(results)
    matchers = [
        {"name": rule["name"], "matchedStatuses": rule["statuses"], "messageRegex": rule["message"]}
        for rule in CATEGORIES
    ]
    (results / "categories.json").write_text(json.dumps(matchers, indent=1), encoding="utf-8")
    lines = [f"{key}={' '.join(value.split())}" for key, value in environment(manifests).items()]
    write(results / "environment.properties", "\n".join(lines) + "\n")
    stations = " and ".join(_distinct(manifest["station"]["name"] for manifest in manifests))
    executor = {"name": f"packbench on {stations}" if stations else "packbench", "type": "packbench"}
    (results / "executor.json").write_text(json.dumps(executor), encoding="utf-8")


def _manifests(results: Path) -> list[dict[str, Any]]:
    """What the environment is made of, of every run: of a whole manifest a tenth."""
    whole = (manifest_of(result, results) for result in read_results(results))
    return [{key: each[key] for key in IDENTIFYING if key in each} for each in whole if each]


def environment(manifests: list[dict[str, Any]]) -> dict[str, str]:
    """Join what identifies the tested and the testing things, each value once."""
    fields = {
        "Station": lambda run: run["station"]["name"],
        "Pack": lambda run: run["pack"]["name"],
        "Pack.Serial": lambda run: run["pack"].get("serial_number"),
        "Chemistry": lambda run: run["pack"].get("chemistry"),
        "Clock": lambda run: run["clock"]["kind"],
        "Seed": lambda run: run.get("seed"),
        "Defects": lambda run: ", ".join(map(str, run.get("defects", []))),
        "Revision": lambda run: revision(run["versions"]),
        "packbench": lambda run: run["versions"].get("packbench"),
        "Python": lambda run: run["versions"].get("python"),
    }
    joined = {name: ", ".join(_distinct(map(take, manifests))) for name, take in fields.items()}
    return {name: text for name, text in joined.items() if text}


def revision(versions: Mapping[str, Any]) -> str:
    """Name the source revision, and say so when the tree had changes of its own."""
    return f"{versions.get('git') or 'unknown'}{' with local changes' if versions.get('git_dirty') else ''}"


def _distinct(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value not in (None, "")))
