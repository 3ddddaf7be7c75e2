"""The manifest of a run, `run.json`: written with a checksum over what it says, believed only when it fits.

Invariant: a manifest that was changed by anything but its writer is refused, in one sentence, and never judged by.
Manifests without a checksum (recorded before there was one) are read as they are. It is light on purpose: a list of
thousands of runs reads nothing else.
"""

import json
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from bench.recording.rewritten import RewrittenFile
from bench.verdicts import InputError

NAME = "run.json"
SCHEMA = 2
"""2: a step says which way it moves energy, and whether it can be resumed. 1: as released with commit 9e90314."""
READ = frozenset({1, 2})
"""Schemas that this version reads."""
CHECKSUM = "checksum"
"""The last key of a manifest: SHA-256 of everything else, written as compact JSON with sorted keys."""


class RecordingError(InputError):
    """A run on disk cannot be used: one sentence with where, what was found and what is allowed."""


class DamagedError(RecordingError):
    """What is read is not what was written: nothing that is made of the run is to be believed."""


def sealed(manifest: dict[str, Any]) -> str:
    """The text of `run.json`: the manifest and its checksum."""
    content = clean(manifest)
    return json.dumps({**content, CHECKSUM: _checksum(content)}, indent=1, ensure_ascii=False) + "\n"


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace `run.json` of a run that has ended; raises `OSError` when it stays as it was."""
    RewrittenFile(folder / NAME).write(sealed(manifest), fsync=False)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read `run.json`; raises `RecordingError` when there is none, or it is damaged or of another schema."""
    path = folder / NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordingError(f"{folder} is not a run: it holds no {NAME}; name a folder under runs/.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("schema") not in READ:
        found = manifest.get("schema") if isinstance(manifest, dict) else type(manifest).__name__
        raise RecordingError(
            f"{path} has the schema {found!r}; this version reads {' and '.join(map(str, sorted(READ)))}."
        )
    if CHECKSUM in manifest and manifest.pop(CHECKSUM) != _checksum(manifest):
        raise RecordingError(
            f"{path} is damaged: what it says does not fit its checksum. Restore it from a copy; or, if somebody has "
            f"edited it and you know what, take its key {CHECKSUM!r} out."
        )
    return manifest


def clean(value: Any) -> Any:
    """JSON has no nan and no infinity: they become null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value if isinstance(value, str | int | bool | None) else str(value)


def _checksum(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
