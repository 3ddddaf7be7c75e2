"""Keeps what is done of a map, a file for each field: whoever is stopped goes on there, and nothing counts twice.

What was measured of something else (another version, pack, station or road) is set aside and measured anew; the page
says what has changed since.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from bench.recording.manifest import clean
from bench.verdicts import InputError, Verdict
from packbench.mapping.fields import Field
from packbench.mapping.outcome import FieldResult

MARKER = ".packbench-map"
UNJUDGED = (Verdict.BENCH_FAULT, Verdict.ABORTED, Verdict.TEST_ERROR)
"""Verdicts that say nothing of a pack: such a field is measured again."""


class Store:
    """A folder with the outcomes of a map: `fields` those that hold, `before` the last ones that did."""

    def __init__(self, folder: Path) -> None:
        """Raises `InputError` where the folder cannot be had, or holds something else."""
        self.folder, self._fields, self._before = folder, folder / "fields", folder / "before"
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).exists():
            raise InputError(f"{folder}: holds files that are no map; name another folder with --output, or empty it.")
        try:
            for each in (self._fields, self._before):
                each.mkdir(parents=True, exist_ok=True)
            (folder / MARKER).touch()
        except OSError as error:
            raise InputError(f"{folder}: cannot hold a map ({error.strerror}); name another with --output.") from error

    def keep(self, outcome: FieldResult) -> None:
        """Keep an outcome; of the same field there is one."""
        path = self._of(outcome.field)
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps(clean(outcome.as_dict()), ensure_ascii=False), encoding="utf-8")
        beside.replace(path)

    def done(self, fields: Iterable[Field], inputs: dict[Field, str]) -> Iterator[FieldResult]:
        """Outcomes of those fields that hold still; one of something else is set aside, one of nothing counts not."""
        for field in fields:
            found = _read(self._of(field))
            if found is None or found.field != field or found.verdict in UNJUDGED:
                continue
            if found.inputs == inputs[field]:
                yield found
            else:
                self.set_aside(field)

    def set_aside(self, field: Field) -> None:
        """What is there of a field is from before now on."""
        with suppress(FileNotFoundError):
            self._of(field).replace(self._before / self._of(field).name)

    def before(self, field: Field) -> FieldResult | None:
        """What came of a field the last time that something else was measured; None where it never was."""
        return _read(self._before / self._of(field).name)

    def _of(self, field: Field) -> Path:
        return self._fields / f"{field.id}.json"


def _read(path: Path) -> FieldResult | None:
    """A file that is not there, or is damaged, says nothing: its field is measured."""
    try:
        return FieldResult.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
