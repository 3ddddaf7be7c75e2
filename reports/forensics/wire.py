"""The part of a run's `transcript.log` that belongs to some seconds of test time."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = "transcript.log"
_LINE = re.compile(r"\s*(\d+(?:\.\d+)?) (.+?) ([<>!]) ")


class Slice(NamedTuple):
    """Lines as they stand in the file, and a sentence on each thing that is missing of them."""

    lines: tuple[str, ...]
    missing: tuple[str, ...]


def cut(folder: Path, start: float, stop: float, *, ended: bool, last: float | None = None) -> Slice:
    """Cut the transcript to `start` to `stop` s.

    `ended`: whether the process of the run came to its end; `last`: until when (s) the rest of its recording goes.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        why = "" if ended else ": the process that ran this one died before it wrote anything of it"
        return Slice((), (f"{NAME} is missing{why}.",))
    except OSError as error:
        return Slice((), (f"{NAME} cannot be read: {error.strerror or error}.",))
    dated = list(_dated(text))
    missing = []
    if text and not text.endswith("\n"):
        missing.append(f"{NAME} ends in the middle of a line: it was cut off.")
    if not dated:
        missing.append(f"{NAME} holds no message.")
    elif dated[0][0] > start:
        missing.append(f"{NAME} begins at {dated[0][0]:.0f} s: it keeps the last messages of a run, and these are all.")
    if dated and not ended:
        missing.append(_lost(dated[-1][0], last))
    return Slice(tuple(line for time, line in dated if start <= time <= stop), tuple(missing))


def _lost(until: float, last: float | None) -> str:
    """What a process took with it: what it had not handed to the disk, of a virtual clock up to an hour."""
    further = f", while other files go on to {last:.0f} s" if last is not None and round(last) > round(until) else ""
    return f"{NAME} ends at {until:.0f} s{further}: the process died, and what it had not written by then is lost."


def _dated(text: str) -> Iterator[tuple[float, str]]:
    """Lines with their times; one without a time goes on with the message before it."""
    time = None
    for line in text.splitlines():
        found = _LINE.match(line)
        time = float(found[1]) if found else time
        if time is not None:
            yield time, line.strip()
