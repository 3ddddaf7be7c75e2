"""Whose code an error came out of: the bench's or the test's, read from its traceback.

It knows frames and files. Who is to blame for an error of a known kind is said in `bench.verdicts`.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

HOUSE = Path(__file__).parents[1]
OURS = tuple(f"{HOUSE / room}{os.sep}" for room in ("bench", "instruments", "models", "reports", "packbench"))
BENCH = OURS[:3]
"""Floors that drive instruments: what comes out of them is no mistake of a test; a figure that it asks for may be."""
VOCABULARY = str(HOUSE / "bench" / "scenario.py")
"""Steps and conditions are data that the test wrote: what is wrong with them is the test's."""
MACHINERY = frozenset({"_pytest", "pytest", "pluggy"})
INSTALLED = tuple(
    {f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)  # fmt: skip


_drivers: set[str] = set()
"""Files of drivers, which may lie anywhere: what they do is the bench's doing."""


def adopt(driver: object) -> None:
    """Count the file that defines a driver among the bench's own code."""
    file = getattr(sys.modules.get(driver.__module__), "__file__", None)
    if file is not None:
        _drivers.add(file)


def came_out_of_the_bench(error: BaseException) -> bool:
    """Whether this was raised by the bench's own code, by a driver, or by a library that one of them was calling.

    What the bench calls back into a test (an observer, a condition of its own) is the test's.
    """
    files = [file for file, _ in _path(error)]
    if any(file in _drivers for file in files):
        return True
    known = [file for file in files if file.startswith(OURS) or _is_of_a_test(file)]
    return bool(known) and known[-1].startswith(BENCH) and known[-1] != VOCABULARY


def place_in_the_test(error: BaseException) -> str:
    """`file:line` of the test's own code nearest to where this was raised; empty where none of it took part."""
    places = [(file, line) for file, line in _path(error) if _is_of_a_test(file) and file not in _drivers]
    if not places:
        return ""
    file, line = places[-1]
    return f"{_shown(Path(file))}:{line}"


def _path(error: BaseException) -> list[tuple[str, int]]:
    """File and line of every frame, from the call that pytest made inwards: its own machinery says nothing."""
    frames = list(_frames(error.__traceback__))
    machinery = [number for number, (frame, _) in enumerate(frames) if _module(frame) in MACHINERY]
    inner = frames[machinery[-1] + 1 :] if machinery else frames
    # An error of pytest's own (an unknown fixture, a wrong call of its functions) is raised inside the machinery.
    called = inner or [entry for entry in frames if _is_of_a_test(entry[0].f_code.co_filename)]
    return [(frame.f_code.co_filename, line) for frame, line in called]


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_of_a_test(file: str) -> bool:
    return not file.startswith((*OURS, *INSTALLED, "<"))


def _shown(file: Path) -> str:
    """As a person at the prompt would name it."""
    return (file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file).as_posix()
