"""What `pytest --resume RUN` chooses: the run's own test, with its station, pack, temperature, seed and defects.

What is named on the command line as well is taken from there, and refused if it is not what the run had.
"""

from pathlib import Path
from typing import Any

import pytest

from bench.pack import load_pack
from bench.recording.past import PastRun
from bench.recording.runs import find_run, supervisor_said
from bench.running.resume import check_unchanged
from bench.running.setup import Setup
from bench.station import load_station
from bench.verdicts import InputError


def choose(config: pytest.Config) -> PastRun:
    """Point the options to the run's test and what it ran with; raises `InputError` when it cannot be resumed."""
    folder = find_run(config.option.resume, Path(config.option.runs))
    try:
        return _choose(config, PastRun.load(folder, supervisor_said(folder)))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"--resume: what is recorded in {folder} is damaged ({type(error).__name__}: {error}): run its test anew."
        ) from error


def _choose(config: pytest.Config, past: PastRun) -> PastRun:
    option, manifest = config.option, past.manifest
    parameters: dict[str, Any] = manifest["test"]["parameters"]
    option.station = option.station or manifest["station"]["file"]
    if "pack" not in parameters:
        option.pack = option.pack or manifest["pack"]["file"]
    if isinstance(parameters.get("temperature"), int | float):
        option.temperatures = f"{parameters['temperature']:g}"
    option.seed, option.defect = manifest["seed"], list(manifest["defects"])
    check_unchanged(past, _setup(past, option))
    config.args = [_test_of(past, config.rootpath)]
    return past


def _test_of(past: PastRun, root: Path) -> str:
    """The run's own test, as an argument of pytest."""
    file, _, test = past.manifest["test"]["nodeid"].partition("::")
    if not (root / file).is_file():
        raise InputError(
            f"--resume: run {past.run_id} is of {file}, which is not in {root}: run pytest where it was run, "
            "or with the same --rootdir."
        )
    return f"{root / file}::{test}"


def _setup(past: PastRun, option: Any) -> Setup:
    pack = option.pack or past.manifest["pack"]["file"]
    return Setup(*load_station(option.station), *load_pack(pack), option.seed, tuple(option.defect))
