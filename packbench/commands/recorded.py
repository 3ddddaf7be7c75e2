"""What commands that read recordings do first: find them, and say what of them is damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.verdicts import InputError
from packbench.console import say

if TYPE_CHECKING:
    from reports.recording import Recording


def load(run: str, folder: Path) -> "Recording":
    """A recorded run; what of it is damaged and left out is said before anything that is made of the rest."""
    from bench.recording.runs import find_run
    from reports.recording import Recording

    recording = Recording.load(find_run(run, folder))
    for text in recording.damage:
        say(f"packbench: DAMAGED: {text}", err=True)
    return recording


@contextmanager
def used(run: str) -> Iterator[None]:
    """A run without checksums (recorded before there were any) may be damaged in a way that only its use shows."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise InputError(
            f"What is recorded of {run!r} is damaged ({type(error).__name__}: {error}); restore it from a copy."
        ) from error
