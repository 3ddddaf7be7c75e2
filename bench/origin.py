"""Whose code an error came out of: the bench's or the test's, read from its traceback.

It knows frames and files. Who is to blame for an error of a known kind is said in `bench.verdicts`. Steps, figures and
whatever else a package of somebody's brings is written by who writes tests, and is the test's wherever the package
lies: a mistake in it may not change sides because it was installed. What plays an instrument is the bench's.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType, MappingProxyType, TracebackType

HOUSE = Path(__file__).parents[1]
OURS = tuple(f"{HOUSE / room}{os.sep}" for room in ("bench", "instruments", "models", "reports", "packbench"))
VIRTUAL = f"{HOUSE / 'instruments' / 'virtual'}{os.sep}"
"""Whoever it calls is a simulator: an instrument of the virtual bench."""
BENCH = OURS[:3]
"""Floors that drive instruments: what comes out of them is no mistake of a test; a figure that it asks for may be."""
VOCABULARY = str(HOUSE / "bench" / "scenario.py")
"""Steps and conditions are data that the test wrote: what is wrong with them is the test's."""
GROUPS = "packbench."
"""Begins the names of all groups of entry points that packages bring something in."""
MACHINERY = frozenset({"_pytest", "pytest", "pluggy"})
INSTALLED = tuple(
    {f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """One call on the way to an error: where, in which module, of which class or function."""

    file: str
    line: int
    module: str
    name: str

    @property
    def drives(self) -> bool:
        """Whether this is an instrument, real or simulated."""
        return (self.file, self.name) in _drivers or self.file.startswith(VIRTUAL)

    @property
    def is_of_a_test(self) -> bool:
        """Whether who writes tests has written this."""
        if self.file.startswith((*OURS, "<")):
            return False
        return self.is_brought or not self.file.startswith(INSTALLED)

    @property
    def is_brought(self) -> bool:
        """Whether a package that extends the bench has it."""
        return self.module.partition(".")[0] in brought()


_drivers: set[tuple[str, str]] = set()
"""Files and classes of drivers, which may lie anywhere: what they do is the bench's doing."""


def adopt(driver: object) -> None:
    """Count a driver's class among the bench's own code; what else stands in its file is not meant."""
    for kind in (driver if isinstance(driver, type) else type(driver)).__mro__:
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if file is not None:
            _drivers.add((file, kind.__qualname__.partition(".")[0]))


@cache
def brought() -> Mapping[str, str]:
    """The packages that bring anything by an entry point of ours, each with the version of who distributes it."""
    installed = entry_points()
    found = [entry for group in installed.groups if group.startswith(GROUPS) for entry in installed.select(group=group)]
    return MappingProxyType({
        each.value.partition(":")[0].partition(".")[0]: f"{each.dist.name} {each.dist.version}" if each.dist else ""
        for each in found
    })  # fmt: skip


def came_out_of_the_bench(error: BaseException) -> bool:
    """Whether this was raised by the bench's own code, by a driver, or by a library that one of them was calling.

    What the bench calls back into a test (an observer, a condition or a step of its own) is the test's.
    """
    places = _path(error)
    if any(each.drives for each in places):
        return True
    known = [each for each in places if each.file.startswith(OURS) or each.is_of_a_test]
    return bool(known) and known[-1].file.startswith(BENCH) and known[-1].file != VOCABULARY


def came_out_of_an_extension(error: BaseException) -> bool:
    """Whether the bench has called what a package brings, and that has raised this: it judges no pack there."""
    places = [each for each in _path(error) if each.file.startswith(BENCH) or each.is_of_a_test]
    return len(places) > 1 and places[-1].is_brought and any(each.file.startswith(BENCH) for each in places)


def place_in_the_test(error: BaseException) -> str:
    """`file:line` of the test's own code nearest to where this was raised; empty where none of it took part."""
    places = [each for each in _path(error) if each.is_of_a_test and not each.drives]
    if not places:
        return ""
    return f"{_shown(Path(places[-1].file))}:{places[-1].line}"


def _path(error: BaseException) -> list[_Place]:
    """Every call, from the one that pytest made inwards: its own machinery says nothing."""
    frames = list(_frames(error.__traceback__))
    machinery = [number for number, (frame, _) in enumerate(frames) if _module(frame) in MACHINERY]
    inner = frames[machinery[-1] + 1 :] if machinery else frames
    # An error of pytest's own (an unknown fixture, a wrong call of its functions) is raised inside the machinery.
    return [_place(*entry) for entry in inner] or [each for entry in frames if (each := _place(*entry)).is_of_a_test]


def _place(frame: FrameType, line: int) -> _Place:
    code = frame.f_code
    module = str(frame.f_globals.get("__name__", ""))
    return _Place(code.co_filename, line, module, code.co_qualname.partition(".")[0])


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _shown(file: Path) -> str:
    """As a person at the prompt would name it."""
    return (file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file).as_posix()
