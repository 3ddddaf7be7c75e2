"""The pytest plugin that comes with `pip install packbench`: options, fixtures, and whose session it is.

It is loaded by every pytest of its environment, so it does nothing until a session is *the bench's*. That is so

- from the start, where an option of ours was given (also in `addopts`), where the tests asked for lie in a folder that
  `packbench_tests` of the project's configuration names, or where a conftest.py implements one of the bench's hooks;
- from its collection on, where a test uses a fixture of ours.

Only then are `bench.plugin` and `reports.plugin` imported and registered: the station is read, the lease taken, the
record of the session begun in `--runs`, Allure results written. With `-n` the tests are collected in other processes
than the one that keeps the record, so a distributed session must be the bench's from the start. A project of somebody
else's is not touched, not even where it has packages called `bench` or `reports`, options or fixtures of our names.

`-p no:packbench.plugin` leaves out all of it, `-p no:reports.plugin` only what makes the report. Who names one of
`bench.plugin` and `reports.plugin` (`-p`, `pytest_plugins`) gets that one alone.

PYTEST_DONT_REWRITE: nothing is asserted here, and whoever has imported it before a session would be warned.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from packbench import hidden, options

if TYPE_CHECKING:
    from bench.pack import PackFile
    from bench.scenario import Step
    from bench.station import StationFile
    from bench.testing import TestBench, Verify
    from bench.verdicts import Verdict
    from reports.kpi import Kpi
    from reports.recording import Recording

BENCH, REPORTS = "bench.plugin", "reports.plugin"
HOOKS = "pytest_packbench_"
FOLDERS = "packbench_tests"
WRONG_INPUT = 2
"""`bench.verdicts.ExitStatus.WRONG_INPUT`, which is not at hand where `bench` is hidden."""

_named_key = pytest.StashKey[bool]()
"""Whether a conftest.py listens to the bench, or a plugin of ours was asked for by its name."""
_entered_key = pytest.StashKey[bool]()
_refused_key = pytest.StashKey[BaseException]()


# --- what every pytest learns -------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare options and configuration."""
    parser.addini(FOLDERS, "folders whose tests are for the bench (packbench)", type="paths", default=[])
    _config_of(pluginmanager).stash[options.TAKEN] = options.add(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> Generator[None, None, None]:
    """Make room for options of the project's own while its conftest.py files declare them."""
    before = early_config.stash[options.TAKEN]
    options.withdraw(parser, early_config)
    try:
        return (yield)
    finally:
        early_config.stash[options.TAKEN] = before | options.add(parser)


def pytest_plugin_registered(plugin: object, plugin_name: str, manager: pytest.PytestPluginManager) -> None:
    """See who listens to the bench: its hooks must be declared before pytest looks for mistakes in their names."""
    if plugin_name not in (BENCH, REPORTS) and not any(name.startswith(HOOKS) for name in dir(plugin)):
        return
    config = _config_of(manager)
    config.stash[_named_key] = True
    _declare_hooks(config)


def _declare_hooks(config: pytest.Config) -> None:
    caller = getattr(config.pluginmanager.hook, "pytest_packbench_event", None)
    if caller is None or not caller.has_spec():
        _look_for_what_hides()
        config.pluginmanager.add_hookspecs(import_module("bench.hooks"))


def _config_of(manager: pytest.PytestPluginManager) -> pytest.Config:
    return cast("pytest.Config", manager.get_plugin("pytestconfig"))


# --- whose session it is ------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Choose the test of the run to resume before anybody looks at what is to be run."""
    if getattr(config.option, "resume", None) is not None and "--resume" not in config.stash[options.TAKEN]:
        _look_for_what_hides()
        import_module(BENCH).choose_past(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin now where the session is the bench's from the start: before allure-pytest asks where results go."""
    config.addinivalue_line("markers", "requirement(id): the requirement that a test case verifies")
    config.addinivalue_line(
        "markers", "other_packs: run with each of the station's other packs instead of the default one"
    )
    config.addinivalue_line(
        "markers", "skip_unsuited: skipped, with the reason, for a pack that is not made for what the test asks of it"
    )
    config.addinivalue_line("markers", "needs(*roles): left out where nobody plays one of these roles")
    if options.given(config) or config.stash.get(_named_key, False) or _asks_for_folders_of_ours(config):
        _enter(config)


def _asks_for_folders_of_ours(config: pytest.Config) -> bool:
    """Whether a test that was asked for may lie in a folder that the project says is for the bench."""
    folders: Sequence[Path] = config.getini(FOLDERS)
    asked = [config.invocation_params.dir / str(argument).split("::")[0] for argument in config.args]
    return any(folder == path or folder in path.parents for folder in folders for path in asked)


def _enter(config: pytest.Config) -> None:
    """Register what runs and shows tests of the bench; raises `pytest.exit.Exception` where that cannot be."""
    if config.stash.get(_entered_key, False):
        return
    config.stash[_entered_key] = True
    problem = options.refusal(config) or hidden.without_docstrings() or hidden.hidden()
    if problem is not None:
        pytest.exit(f"packbench: {problem}", returncode=WRONG_INPUT)
    _declare_hooks(config)
    manager = config.pluginmanager
    if not (manager.has_plugin(BENCH) or manager.has_plugin(REPORTS)):
        for name in (BENCH, REPORTS):
            _register(manager, name)
    option = config.option
    runs = not (hasattr(config, "workerinput") or import_module("bench.context").runs_nothing(config))
    if getattr(option, "live", False) and runs:
        manager.register(import_module("packbench.live.beside").LivePage(config), "packbench_live")


def _register(manager: pytest.PytestPluginManager, name: str) -> None:
    if not (manager.is_blocked(name) or manager.has_plugin(name)):
        manager.register(import_module(name), name)


def _look_for_what_hides() -> None:
    """Raise `pytest.UsageError` where ours cannot be imported; for what comes before there is a session to end."""
    problem = hidden.hidden()
    if problem is not None:
        raise pytest.UsageError(f"packbench: {problem}")


# --- collection ---------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that uses a fixture of ours makes the session the bench's; it is run for each temperature and pack."""
    ours = _fixtures_of_ours(metafunc)
    if not ours:
        return
    session = metafunc.definition.session
    if _refused_key not in session.config.stash:
        _begin_late(session)
    if _has_begun(session.config):
        import_module(BENCH).parametrize(metafunc, ours)


def _fixtures_of_ours(metafunc: pytest.Metafunc) -> set[str]:
    """Names of the fixtures that the test uses and that come from here: a project may have its own by these names."""
    found: Mapping[str, Sequence[Any]] = metafunc.definition._fixtureinfo.name2fixturedefs
    return {name for name in FIXTURES.intersection(metafunc.fixturenames) if _is_ours(name, found.get(name, ()))}


def _is_ours(name: str, definitions: Sequence[Any]) -> bool:
    """Whether the fixture that counts, the last one, is ours, or asks for the one of the same name that it hides."""
    for definition in reversed(definitions):
        if definition.func.__module__ == __name__:
            return True
        if name not in definition.argnames:
            return False
    return False


def _has_begun(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin(BENCH) and import_module(BENCH).has_begun(config)


def _begin_late(session: pytest.Session) -> None:
    """Begin while tests are collected; what is refused is kept, for pytest takes it there for a mistake of the file."""
    config = session.config
    if _has_begun(config):
        return
    if hasattr(config, "workerinput"):
        raise pytest.Collector.CollectError(
            "packbench: with -n a session must be the bench's from the start: give an option of its own "
            f"(--station=virtual-module), or name the tests' folder as {FOLDERS} in pytest's configuration."
        )
    try:
        _begin(session)
    except pytest.exit.Exception as refused:
        config.stash[_refused_key] = refused


def _begin(session: pytest.Session) -> None:
    _enter(session.config)
    _register(session.config.pluginmanager, BENCH)
    if not session.config.pluginmanager.has_plugin(BENCH):
        pytest.exit(
            f"packbench: a test uses its fixtures, and -p no:{BENCH} leaves out what they need; take that away.",
            returncode=WRONG_INPUT,
        )
    import_module(BENCH).begin(session)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Refuse a session that cannot be the bench's, though a test wants it."""
    refused = config.stash.get(_refused_key, None)
    if refused is not None:
        raise refused


# --- fixtures -----------------------------------------------------------------------------------------------------


FIXTURES = frozenset({"bench", "pack", "require", "run_scenario", "station", "temperature", "verify"})


@pytest.fixture(scope="session")
def station(request: pytest.FixtureRequest) -> "StationFile":
    """The station file."""
    found: StationFile = _begun(request).station_of(request.config)
    return found


@pytest.fixture
def pack(request: pytest.FixtureRequest) -> "PackFile":
    """The pack under test."""
    found: PackFile = _begun(request).pack_of(request)
    return found


@pytest.fixture
def manager(request: pytest.FixtureRequest) -> str:
    """The energy manager under test: an address, a command, or the name of one that ships.

    A test that asks for it is run once for each `--manager`.
    """
    pytest.fail(f"{request.node.nodeid}: make the fixture 'manager' an argument of the test.", pytrace=False)


@pytest.fixture
def number_of_days(request: pytest.FixtureRequest) -> float:
    """How long a manager is in charge, days."""
    return float(request.config.getoption("--days"))


@pytest.fixture
def temperature(request: pytest.FixtureRequest) -> float:
    """One of the temperatures (°C) of `--temperatures`: a test that asks for it is run once for each."""
    pytest.fail(
        f"{request.node.nodeid}: the fixture 'temperature' is one of an argument of the test or of a fixture; "
        "getfixturevalue comes too late to run the test for each of them.",
        pytrace=False,
    )


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator["TestBench"]:
    """An open bench, made safe when the test ends, however it ends."""
    yield from _begun(request).opened(request)


@pytest.fixture
def verify(bench: "TestBench") -> "Verify":
    """Judge a measurement: `verify(name, value, unit=…, at_least=…, at_most=…, uncertainty=…)`."""
    return bench.verify


@pytest.fixture
def run_scenario(bench: "TestBench") -> Callable[..., "Recording"]:
    """Run steps on the bench and return what was recorded."""
    from reports.recording import Recording

    def run(*steps: "Step") -> Recording:
        return Recording(*bench.run(*steps))

    return run


@pytest.fixture
def require(
    request: pytest.FixtureRequest, verify: "Verify", station: "StationFile", pack: "PackFile"
) -> Callable[..., "Verdict"]:
    """Verify a KPI by what the pack requires of it, or by a limit of one's own.

    `require(kpi.capacity(run, "discharge"), at="C/3")`, `require(kpi.capacity(run, "charge"), at_least=2.0)`; what the
    pack does not require is recorded without a limit, as is everything with `at=None`. Of a specimen with accepted runs
    (`packbench accept`) the same figure is judged a second time, against its own.
    """
    from bench.verdicts import worst
    from reports import specimen
    from reports.requirements import limits_of, temperature_of
    from reports.uncertainty import uncertainty

    accepted = _begun(request).accepted_of(request)

    def judge(
        measured: "Kpi", *, at_least: float | None = None, at_most: float | None = None, at: str | None = "",
        temperature: float | None = None,
    ) -> "Verdict":  # fmt: skip
        temperature = temperature_of(request.node) if temperature is None else temperature
        limits = limits_of(measured, pack, at_least=at_least, at_most=at_most, at=at, temperature=temperature)
        spread = uncertainty(measured, station)
        verdict = verify(
            measured.name, measured.value, unit=measured.unit, at_least=limits.at_least, at_most=limits.at_most,
            uncertainty=spread, step=measured.step, required=limits.required, source=limits.source,
            unstated=limits.unstated, unmeasurable=measured.unmeasurable, subject=measured.subject,
        )  # fmt: skip
        own = (
            None
            if at is None or measured.unmeasurable
            else specimen.limits_of(measured, spread, accepted, at, temperature)
        )
        if own is None:
            return verdict
        # The limit leaves room for the uncertainty already: what is beyond it is worse than it was.
        against_itself = verify(
            specimen.name_of(measured), measured.value, unit=measured.unit, at_least=own.at_least, at_most=own.at_most,
            step=measured.step, subject=measured.subject, source=own.source, in_limit=spread,
        )  # fmt: skip
        return worst([verdict, against_itself])

    return judge


def _begun(request: pytest.FixtureRequest) -> Any:
    """`bench.plugin`; fails where nobody could see before the test that it would ask for a fixture of ours."""
    if not _has_begun(request.config):
        pytest.fail(
            f"{request.node.nodeid}: the fixture {request.fixturename!r} is asked for within the test, in a session "
            "that is not the bench's; make it an argument, or give an option of the bench's (--station).",
            pytrace=False,
        )
    return import_module(BENCH)
