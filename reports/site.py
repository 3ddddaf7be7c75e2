"""Builds the HTML report of a session: front page, figures, and Allure where its generator can be had.

The folder it writes is its own and is replaced as a whole; a folder with anything else in it is never
touched.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from filelock import FileLock, Timeout

from bench.clock import utc_now
from bench.recording.session_log import Session, TestEnd
from bench.verdicts import InputError
from reports import covered, front_page, generator, interactive, lighter, lost, reqif, results
from reports.front.shown import Links
from reports.nights.changes import Changed, changed
from reports.nights.night import Night
from reports.nights.section import Since
from reports.nights.store import FOLDER, History
from reports.outcome import Outcome, outcomes
from reports.page import write
from reports.provenance import differences

MARKER, LOCK, NEW, OLD = ".packbench-report", ".packbench-report.lock", ".new", ".old"
KEPT = frozenset({MARKER, LOCK, NEW, OLD})
"""What of the folder is not the report."""
PATIENCE = 120.0
"""s that another report into the same folder is waited for."""
FIGURES = "figures"
ALLURE = "allure.html"
Figures = Mapping[tuple[str, str], str]
"""Where figures lie beside the front page, by the id of their test and their kind."""


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """What was built: the page to open, Allure's own where there is one, and why not where there is none."""

    index: Path
    allure: Path | None
    problem: str | None
    verdicts: Mapping[str, int]
    size: int

    @property
    def tests(self) -> int:
        """How many tests the report is about."""
        return sum(self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Past:
    """What a session is compared with, and whether later ones are compared with it.

    `keep` is "clean" (unless defects were seeded or the checkout had local changes), "all" or "none".
    """

    keep: str = "clean"
    baseline: str = ""
    """Name of a night that is compared with as well as the last one."""


def build(
    results_folder: Path, output: Path, runs: Path, session: Session | None = None, past: Past = Past()
) -> BuiltReport:
    """Build the report of the Allure results in `results_folder` into `output`; earlier nights live in `runs`.

    `session` is the record that everything is told from; its tests are in the report whether they left a result or not.
    Without the generator the front page and the figures are still built, and `problem` says what is missing.
    Raises `InputError` when there are no results or no such baseline, or when `output` holds other files than a report.
    """
    ends = session.tests if session is not None and session.knows_its_tests else None
    if ends is None and not any(results_folder.glob("*-result.json")):
        raise InputError(f"There are no results in {results_folder}: run `pytest test_cases` first, or name another.")
    goes_on = session is not None and session.goes_on
    with _of_the_session(results_folder, runs, ends, goes_on=goes_on) as of_session:
        return _build(of_session, output, runs, session, outcomes(of_session, ends), past)


def night_of(results_folder: Path, runs: Path, session: Session) -> Night | None:
    """What a session told, to be compared; None where it had no run on any station."""
    ends = session.tests if session.knows_its_tests else None
    with _of_the_session(results_folder, runs, ends, goes_on=session.goes_on) as of_session:
        return Night.of(outcomes(of_session, ends), session)


def compared(runs: Path, night: Night | None, baseline: str = "") -> Since:
    """A night beside the one before, and beside a baseline; raises `InputError` for one that there is not."""
    if night is None:
        return Since(Changed())
    history = History(runs, night.station)
    named = history.baseline(baseline) if baseline else None
    found = changed(night, history.before(night))
    return Since(
        found, changed(night, [named]) if named else None, baseline, unreadable=len(history.unreadable),
        differences=differences(runs, night, found.before),
    )  # fmt: skip


@contextmanager
def _of_the_session(folder: Path, runs: Path, ends: Mapping[str, TestEnd] | None, *, goes_on: bool) -> Iterator[Path]:
    """Results of this session and of no other, complete; of one that `goes_on` none is written into its own folder."""
    with ExitStack() as scratch:
        # Those of a session before this one are not this one's to tell, and not ours to remove; and a folder that is
        # full, or there for reading only, is left as it is.
        ours = not goes_on and (ends is None or results.are_all_of(folder, ends))
        if not (ours and _completed(folder, runs, ends)):
            theirs, folder = folder, Path(scratch.enter_context(TemporaryDirectory(prefix="packbench-session-")))
            results.copy(theirs, folder, ends)
            _complete(folder, runs, ends)
        yield folder


def _complete(folder: Path, runs: Path, ends: Mapping[str, TestEnd] | None) -> None:
    """Write what the results lack: those that were lost, and what all have in common. Raises `OSError`."""
    lost.complete(folder, runs, ends)
    results.write_environment(folder)


def _completed(folder: Path, runs: Path, ends: Mapping[str, TestEnd] | None) -> bool:
    try:
        _complete(folder, runs, ends)
    except OSError:
        return False
    return True


def _build(
    results_folder: Path, output: Path, runs: Path, session: Session | None, tests: list[Outcome], past: Past
) -> BuiltReport:
    since, refusal = _kept(runs, Night.of(tests, session), past, goes_on=session is not None and session.goes_on)
    with _made_new(output) as new:
        figures = _lay_out(tests, new)
        missing = _build_allure(results_folder, new, figures, len(tests) > front_page.FEW)
        links = _links(figures, output, runs, missing is None)
        index = front_page.write(new, tests, links, since, missing, session)
        listed = session.facts.get("requirements", {}) if session else {}
        rows = covered.coverage(listed, tests)
        write(new / covered.FILE, covered.as_csv(rows))
        started = session.started if session is not None else ""
        write(new / covered.REQIF, reqif.as_reqif(rows, started or utc_now().isoformat()))
    return BuiltReport(
        index=output / index.name,
        allure=None if missing else output / ALLURE,
        problem=" ".join(filter(None, (missing, refusal))) or None,
        verdicts=Counter(test.verdict for test in tests),
        size=sum(path.stat().st_size for path in output.rglob("*") if path.is_file()),
    )


def _kept(runs: Path, night: Night | None, past: Past, *, goes_on: bool) -> tuple[Since, str]:
    """Compare a night with earlier ones, and keep it where it is to be kept; with it, why the disk refused that."""
    found = compared(runs, night, past.baseline)
    if night is None:
        return found, ""
    unlike = f"{night.unlike_others}; `packbench report --history=all`" if night.unlike_others else ""
    unkept = {"all": "", "none": "--history=none"}.get(past.keep, unlike)
    unkept = "it is still running" if goes_on else unkept
    refusal = ""
    if not unkept:
        try:
            History(runs, night.station).keep(night)
        except OSError as error:
            unkept = f"{runs / FOLDER} cannot be written ({error.strerror or error})"
            refusal = f"Later sessions are not compared with this one: {unkept}."
    return replace(found, unkept=unkept), refusal


@contextmanager
def _made_new(output: Path) -> Iterator[Path]:
    """A folder to write a report into; where the block ends well, what is in it takes the place of the earlier report.

    Until then that one stays: a full disk costs neither. Old pages do not survive among new ones. Who builds into the
    same folder at the same time waits. Raises `InputError` where the disk refuses it.
    """
    _refuse_foreign(output)
    new, old = output / NEW, output / OLD
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / MARKER).write_text("This folder is replaced whenever the report is built.\n", encoding="utf-8")
        with _alone_in(output):
            for folder in (new, old):  # of one who was killed at it
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
            try:
                yield new
                _move((each for each in sorted(output.iterdir()) if each.name not in KEPT), old)
                _move(sorted(new.iterdir()), output)
            finally:
                for folder in (new, old):
                    shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if not _is_about(error, output):
            raise
        raise InputError(
            f"The report cannot be written to {output} ({error.strerror or error}); name another folder."
        ) from error


def _is_about(error: OSError, output: Path) -> bool:
    """Whether an error may be one of the folder; one of another file names that itself."""
    named = [Path(os.fsdecode(name)) for name in (error.filename, error.filename2) if name is not None]
    return not named or any(path == output or output in path.parents or path in output.parents for path in named)


def _refuse_foreign(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise InputError(f"The report cannot be written to {output}: it is a file; name a folder.")
    if output.is_dir() and any(output.iterdir()) and not (output / MARKER).exists():
        raise InputError(
            f"The report cannot be written to {output}: it holds files that are no report and would "
            "be lost; name another folder, or empty this one."
        )


@contextmanager
def _alone_in(output: Path) -> Iterator[None]:
    """Nobody else builds into the folder meanwhile; a file system without locks must not keep anybody from it."""
    lock = FileLock(output / LOCK)
    try:
        with suppress(NotImplementedError):
            lock.acquire(timeout=PATIENCE)
    except Timeout as error:
        raise InputError(
            f"The report cannot be written to {output}: another `packbench report` has been at it for {PATIENCE:g} s; "
            "wait until it has ended, or name another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _move(entries: Iterable[Path], target: Path) -> None:
    """Move them into a folder, all of them or none; raises `OSError`."""
    moved: list[Path] = []
    try:
        for entry in entries:
            entry.replace(target / entry.name)
            moved.append(entry)
    except OSError:
        for entry in moved:
            with suppress(OSError):
                (target / entry.name).replace(entry)
        raise


def _build_allure(results_folder: Path, output: Path, figures: Figures, many: bool) -> str | None:
    """Build Allure's page; returns why there is none."""
    try:
        with TemporaryDirectory(prefix="packbench-results-") as scratch:
            lighter.lighten(results_folder, Path(scratch), lambda *which: figures.get(which), many)
            generator.generate(Path(scratch), output / ALLURE)
        lighter.with_links(output / ALLURE, FIGURES)
    except (generator.GeneratorUnavailable, OSError) as missing:
        (output / ALLURE).unlink(missing_ok=True)
        why = getattr(missing, "strerror", None) or missing
        return (
            f"The Allure pages are missing: {why}. This page is complete without them; "
            "`packbench report` builds them later from the same results."
        )
    return None


def _lay_out(tests: list[Outcome], output: Path) -> Figures:
    """Copy the figures beside the page; what all interactive ones have in common lies there once."""
    (output / FIGURES).mkdir()
    interactive.write_shared(output / FIGURES)
    many, copied = len(tests) > front_page.FEW, {}
    for test in tests:
        for kind, source in (("png", test.picture), ("html", test.interactive), ("minute.html", test.forensics)):
            if source:
                copied[test.allure_id, kind] = f"{FIGURES}/{test.allure_id}.{kind}"
        if test.picture:
            shutil.copyfile(test.picture, output / copied[test.allure_id, "png"])
        if test.forensics:
            _with_way_back(test.forensics, output / copied[test.allure_id, "minute.html"], test, many)
        if test.interactive:
            _with_way_back(test.interactive, output / copied[test.allure_id, "html"], test, many)
    return copied


def _with_way_back(source: Path, target: Path, test: Outcome, many: bool) -> None:
    """Copy a page of a test; a result that was cut off may have left bytes that are no text."""
    page = source.read_text(encoding="utf-8", errors="replace")
    write(target, interactive.beside(page, f"../{front_page.place(test, many)}"))


def _links(figures: Figures, output: Path, runs: Path, with_allure: bool) -> Links:
    return Links(
        allure=ALLURE if with_allure else None,
        figure=lambda test: figures.get((test.allure_id, "png")),
        interactive=lambda test: figures.get((test.allure_id, "html")),
        forensics=lambda test: figures.get((test.allure_id, "minute.html")),
        run=lambda test: _run_link(test, output, runs),
    )


def _run_link(test: Outcome, output: Path, runs: Path) -> str | None:
    """Point at the recorded run, where it still lies beside the report."""
    folder = runs / str(test.manifest.get("run_id", ""))
    if not test.manifest or not folder.is_dir():
        return None
    try:
        return quote(Path(os.path.relpath(folder, output)).as_posix()) + "/"
    except ValueError:  # another drive on Windows
        return folder.resolve().as_uri()
