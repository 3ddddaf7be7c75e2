"""Builds the HTML report of a session: front page, figures, and Allure where its generator can be had.

The folder it writes is its own and is replaced as a whole; a folder with anything else in it is never
touched.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from bench.clock import utc_now
from bench.recording.session_log import Session, TestEnd
from bench.verdicts import InputError
from reports import covered, front_page, generator, interactive, lighter, lost, reqif, results
from reports.front.shown import Links
from reports.nights.changes import Changed, changed
from reports.nights.night import Night
from reports.nights.section import Since
from reports.nights.store import History
from reports.outcome import Outcome, outcomes
from reports.page import write
from reports.provenance import differences

MARKER = ".packbench-report"
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
    with _of_the_session(results_folder, runs, ends) as of_session:
        return _build(of_session, output, runs, session, outcomes(of_session, ends), past)


def night_of(results_folder: Path, runs: Path, session: Session) -> Night | None:
    """What a session told, to be compared; None where it had no run on any station."""
    ends = session.tests if session.knows_its_tests else None
    with _of_the_session(results_folder, runs, ends) as of_session:
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
def _of_the_session(folder: Path, runs: Path, ends: Mapping[str, TestEnd] | None) -> Iterator[Path]:
    """Results of this session and of no other, complete."""
    with ExitStack() as scratch:
        if ends is not None and not results.are_all_of(folder, ends):
            # Left by a session before this one: they are not this one's to tell, and not ours to remove.
            theirs, folder = folder, Path(scratch.enter_context(TemporaryDirectory()))
            results.copy(theirs, folder, ends)
        lost.complete(folder, runs, ends)
        yield folder


def _build(
    results_folder: Path, output: Path, runs: Path, session: Session | None, tests: list[Outcome], past: Past
) -> BuiltReport:
    since = _kept(runs, Night.of(tests, session), past)
    results.write_environment(results_folder)
    _make_room(output)
    figures = _lay_out(tests, output)
    problem = _build_allure(results_folder, output, figures, len(tests) > front_page.FEW)
    links = _links(figures, output, runs, problem is None)
    index = front_page.write(output, tests, links, since, problem, session)
    listed = session.facts.get("requirements", {}) if session else {}
    rows = covered.coverage(listed, tests)
    write(output / covered.FILE, covered.as_csv(rows))
    started = session.started if session is not None else ""
    write(output / covered.REQIF, reqif.as_reqif(rows, started or utc_now().isoformat()))
    return BuiltReport(
        index=index,
        allure=None if problem else output / ALLURE,
        problem=problem,
        verdicts=Counter(test.verdict for test in tests),
        size=sum(path.stat().st_size for path in output.rglob("*") if path.is_file()),
    )


def _kept(runs: Path, night: Night | None, past: Past) -> Since:
    """Compare a night with earlier ones, and keep it where it is to be kept."""
    found = compared(runs, night, past.baseline)
    if night is None:
        return found
    unkept = {"all": "", "none": "--history=none"}.get(past.keep, night.unlike_others)
    if not unkept:
        History(runs, night.station).keep(night)
    return replace(found, unkept=unkept)


def _make_room(output: Path) -> None:
    """Remove an earlier report; the generator does not, and old pages must not survive among new ones."""
    if output.exists() and not output.is_dir():
        raise InputError(f"The report cannot be written to {output}: it is a file; name a folder.")
    filled = output.is_dir() and any(output.iterdir())
    if filled and not (output / MARKER).exists():
        raise InputError(
            f"The report cannot be written to {output}: it holds files that are no report and would "
            "be lost; name another folder, or empty this one."
        )
    try:
        if filled:
            shutil.rmtree(output)
        output.mkdir(parents=True, exist_ok=True)
        (output / MARKER).write_text("This folder is replaced whenever the report is built.\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {output} ({error.strerror}); name another folder."
        ) from error


def _build_allure(results_folder: Path, output: Path, figures: Figures, many: bool) -> str | None:
    """Build Allure's page; returns why there is none."""
    try:
        with TemporaryDirectory(prefix="packbench-results-") as scratch:
            lighter.lighten(results_folder, Path(scratch), lambda *which: figures.get(which), many)
            generator.generate(Path(scratch), output / ALLURE)
        lighter.with_links(output / ALLURE, FIGURES)
    except generator.GeneratorUnavailable as missing:
        return (
            f"The Allure pages are missing: {missing}. This page is complete without them; "
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
