"""What the options of a pytest session chose, read once per process: station, packs, temperatures, where runs go."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench import accepted
from bench.pack import PackFile, load_pack
from bench.recording.past import PastRun
from bench.requirement_list import load as load_requirements
from bench.running.setup import Setup, check_fit
from bench.running.worlds import open_world
from bench.safety.lease import BenchLease
from bench.station import load_station
from bench.trust import refuse_untrusted
from bench.user import user
from bench.verdicts import InputError
from bench.waivers import load as load_waivers

DEFAULT_STATION = "virtual-module"
SESSION = "packbench_session"
"""Key under which a worker is told the id of its session."""
PAST = pytest.StashKey[PastRun]()
"""Where the run that a session continues is kept until its options are read."""


REFERENCE = "reference"
"""The energy manager that is under test where nobody names another."""


_LISTING = ("collectonly", "setupplan", "showfixtures", "show_fixtures_per_test")
"""Options by which pytest shows what there is, in a session in which no test runs."""


def runs_nothing(config: pytest.Config) -> bool:
    """Whether the session only lists tests or fixtures: it is no session of the bench's, and leaves nothing."""
    return any(getattr(config.option, name, False) for name in _LISTING)


class BenchContext:
    """What the options chose, read once per process."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.getoption
        self.station, self.station_file = load_station(option("--station") or DEFAULT_STATION)
        refuse_untrusted(self.station, self.station_file, trusted=option("--trust"))
        self.past = config.stash.get(PAST, None)
        """The run that this session continues."""
        self.accepted_in = None if option("--accepted") is None else Path(option("--accepted"))
        """Folder of what was accepted of each specimen; None: nobody has named one."""
        if self.accepted_in is not None and self.accepted_in.exists() and not self.accepted_in.is_dir():
            raise InputError(
                f"--accepted={self.accepted_in}: is a file; name the folder that `packbench accept` keeps."
            )
        self.pack_given = option("--pack") is not None
        packs = self.station.packs
        if not self.pack_given and not packs:
            raise InputError(f"station {self.station_file}: it names no packs, so choose one with --pack.")
        self.pack_name: str = option("--pack") or packs[0]
        self.other_packs = [] if self.pack_given else list(packs[1:])
        chosen = [load_pack(name) for name in (self.pack_name, *self.other_packs)]
        for pack, file in chosen:
            config.hook.pytest_packbench_pack_chosen(pack=pack, file=file)
            accepted.load(self.accepted_in, pack)  # a file that is wrong is told before anything is switched on
        self.temperatures = _temperatures(option("--temperatures"))
        self.runs = Path(option("--runs")) if runs_nothing(config) else _runs_folder(option("--runs"))
        self.waivers = load_waivers(option("--waivers"), config.rootpath)
        self.requirements = load_requirements(option("--requirements"), config.rootpath)
        self.contradictions = self.requirements.disagreements(pack for pack, _ in chosen)
        """Of limits in the list of requirements and in the packs."""
        self.seed: int = option("--seed")
        self.defects: tuple[str, ...] = tuple(option("--defect"))
        self.managers: tuple[str, ...] = tuple(option("--manager")) or (REFERENCE,)
        self.operator = str(option("--operator") or user())
        """Who answers for the bench."""
        self.lease: BenchLease | None = None
        self.supervised: bool = option("--supervise") or self.station.clock == "wall"
        self.session: str = getattr(config, "workerinput", {}).get(SESSION, "")
        """Id of the session that the runs belong to."""
        self.power_cut_told = False
        self.doubts_told: set[str] = set()
        """Whether this session has said what a power cut of the computer leaves on."""
        self.broken: str | None = None
        """Why the bench cannot be used any more: the first cause, once there was one."""

    def check(self) -> None:
        """Raise `InputError` for what would keep the bench from opening in every test: told once, before the first one.

        Defects are tried on a world of their own, which knows what can be seeded where.
        """
        _refuse_unwritable(self.runs)
        setup = self.setup(*load_pack(self.pack_name))
        check_fit(setup)
        if self.defects:
            open_world(setup, lambda _seconds: None).close()

    def setup(self, pack: PackFile, pack_file: Path) -> Setup:
        """What one test opens."""
        return Setup(self.station, self.station_file, pack, pack_file, self.seed, self.defects)


def _runs_folder(text: str) -> Path:
    """The folder of the recordings, made now: a wrong one is told before the bench is opened."""
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(folder, error) from error
    return folder


def _refuse_unwritable(folder: Path) -> None:
    """Raise `InputError` for a folder that is there and takes nothing: a mount for reading only, somebody else's."""
    try:
        with TemporaryDirectory(prefix=".packbench-", dir=folder):
            pass
    except OSError as error:
        raise _no_place(folder, error) from error


def _no_place(folder: Path, error: OSError) -> InputError:
    return InputError(f"--runs={folder}: cannot hold recordings ({error.strerror}); name another folder.")


def _temperatures(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"--temperatures={text!r}: write degrees Celsius with commas between, for example -10,0,25,45."
        ) from error
    absurd = [value for value in values if not -60 <= value <= 120]
    if absurd:
        raise InputError(
            f"--temperatures={text!r}: {absurd[0]:g} °C is outside -60 to 120 °C; no battery is tested there."
        )
    return values
