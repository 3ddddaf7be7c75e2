"""`python -m mutation`: a seeded sample of mutants, what the tests say of them, and the share that they noticed."""

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from rich.console import Console

from bench.durations import spell
from mutation import equivalents, recording, results, selection
from mutation.mutants import Mutant, places
from mutation.sampling import sample
from mutation.trees import ROOT, copy_of
from mutation.trial import Judged, Pen, UnsoundError

MUTATED = ("bench/safety", "bench/running", "reports/kpi")
KPIS = (
    *(path.name for path in sorted((ROOT / "tests" / "reports").glob("test_kpi*.py"))),
    "test_comparing.py", "test_decidable.py", "test_deciding.py", "test_managed_days.py", "test_measurable.py",
    "test_round_trips.py", "test_which_cell.py",
)  # fmt: skip
TESTS = (
    "tests/bench/safety", "tests/bench/running", "tests/bench/roles", "tests/bench/test_conclude.py",
    "tests/bench/test_requirements.py", "tests/bench/test_sessions.py", "tests/bench/test_scenario.py",
    "tests/bench/test_profile.py", "tests/bench/test_verdicts.py", "tests/bench/test_two_benches.py",
    "tests/bench/test_strategies.py",
    *(f"tests/reports/{name}" for name in KPIS),
    "tests/reports/test_uncertainty.py", "tests/reports/test_requirements.py", "tests/reports/test_tables.py",
    "tests/reports/test_report_holds.py", "tests/reports/test_report_gaps.py",
)  # fmt: skip
"""The tests of what is mutated. Those of other rooms, which run it as well, are not asked."""
FOLDER = ROOT / ".mutation"
RECORD, RESULTS, REPORT = FOLDER / "record.json", FOLDER / "results.jsonl", FOLDER / "report.json"
WIDTH = 160
"""Columns of a table that is not on a terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 1 when too few were killed, 2 for a wrong option or what is stale, 130 when interrupted."""
    options = options_of(arguments)
    try:
        known, sources = equivalents.load(), _sources(options.files)
    except (equivalents.StaleError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    record = record_of(options)
    drawn = sample({file: places(file, source) for file, source in sources.items()}, options.count, options.seed)
    kept = results.Kept(RESULTS)
    judging = Judging(record, sources, kept, known, again=options.survivors)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also where a shell has started this in the background and had it ignore the keyboard.
        signal.signal(number, signal.default_int_handler)
    try:
        status = _judge(judging, drawn, options.jobs)
    except KeyboardInterrupt:
        status = 130
    except UnsoundError as error:
        print(error, file=sys.stderr)
        status = 2
    found = [result for mutant in drawn if (result := kept.of(mutant, sources[mutant.file])) is not None]
    results.show(found, Console(width=None if sys.stdout.isatty() else WIDTH))
    REPORT.write_text(results.as_json(found, {"seed": options.seed, "count": options.count}), encoding="utf-8")
    return status or int(not results.score(found, apart=True) >= results.ASKED)


def options_of(arguments: Sequence[str] | None) -> Namespace:
    """What was asked for on the command line (None: of this process)."""
    parser = ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--count", type=int, default=300, help="how many mutants (default: 300)")
    parser.add_argument("--files", nargs="+", default=MUTATED, help="files and folders to mutate")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="at the same time (default: as processors)"
    )
    parser.add_argument("--survivors", action="store_true", help="try those again that have survived")
    parser.add_argument(
        "--record",
        nargs="*",
        metavar="TESTS",
        help="see anew which test runs which line: of all, or of those beside what has changed",
    )
    return parser.parse_args(arguments)


def _sources(wanted: Sequence[str]) -> dict[str, str]:
    """Text by path from the root of every file that is to be mutated; raises `FileNotFoundError` in a sentence."""
    found: dict[str, str] = {}
    for name in wanted:
        path = ROOT / name
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        if not all(map(Path.is_file, files)) or not files:
            raise FileNotFoundError(f"There is no file {name!r} to mutate; there are {', '.join(MUTATED)}.")
        found |= {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
    return found


def record_of(options: Namespace) -> recording.Record:
    """The record that is kept, with what has changed since made good; `--record` alone makes all of it anew."""
    kept = recording.load(RECORD) if RECORD.exists() and options.record != [] else recording.Record({}, {})
    changed, gone = recording.outdated(kept, TESTS, ROOT)
    kept = kept.without(gone).fitted(_sources(MUTATED))
    anew = list(dict.fromkeys((*(options.record or ()), *changed)))
    if anew:
        print(
            f"Which test runs which line is seen once, of {len(anew)} test files; all take several minutes.", flush=True
        )
        kept = kept.renewed(recording.record(anew, MUTATED, options.jobs, ROOT))
    recording.save(kept, RECORD)
    return kept


class Judging:
    """Judges mutants in pens, and keeps what comes of them."""

    def __init__(
        self,
        record: recording.Record,
        sources: Mapping[str, str],
        kept: results.Kept,
        known: Sequence[equivalents.Equivalent],
        *,
        again: bool = False,
    ) -> None:
        self._record, self._sources, self._kept, self._known, self._again = record, sources, kept, known, again

    def open(self, mutants: Sequence[Mutant]) -> Iterator[Mutant]:
        """Those that have to be tried; of the others it is known what becomes of them."""
        for mutant in mutants:
            before = self._kept.of(mutant, self._sources[mutant.file])
            why = equivalents.why(mutant, self._known)
            if why:
                self._keep(mutant, Judged("equivalent"), why)
            elif before is None or before.status == "equivalent" or (self._again and not before.killer):
                yield mutant

    def __call__(self, mutant: Mutant, pen: Pen) -> results.Result:
        """Try one mutant in a pen that nobody else uses meanwhile."""
        began, killers = monotonic(), self._kept.killers().get(mutant.file, ())
        batches = selection.batches(mutant, self._record, self._sources, killers[:10])
        return self._keep(mutant, pen.judge(mutant, batches, self._record), seconds=monotonic() - began)

    def _keep(self, mutant: Mutant, judged: Judged, why: str = "", seconds: float = 0.0) -> results.Result:
        result = results.result(mutant, self._sources[mutant.file], judged, why, seconds)
        self._kept.add(result)
        return result


def _judge(judging: Judging, drawn: Sequence[Mutant], jobs: int) -> int:
    """Judge what is open of a sample, `jobs` at the same time, and say how far it is."""
    mutants = list(judging.open(drawn))
    print(f"{len(drawn)} mutants, {len(mutants)} of them to be tried.", flush=True)
    with ExitStack() as stack:
        pens: SimpleQueue[Pen] = SimpleQueue()
        for _ in range(min(jobs, len(mutants))):
            pens.put(Pen(stack.enter_context(copy_of())))
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        began = monotonic()
        futures = [pool.submit(_in_a_pen, judging, mutant, pens) for mutant in mutants]
        for done, future in enumerate(as_completed(futures), 1):
            left = (monotonic() - began) / done * (len(mutants) - done)
            result = future.result()
            print(f"{done:4}/{len(mutants)}  {result.status:11}  {result.key}  ({spell(left)} left)", flush=True)
    return 0


def _in_a_pen(judging: Judging, mutant: Mutant, pens: "SimpleQueue[Pen]") -> results.Result:
    pen = pens.get()
    try:
        return judging(mutant, pen)
    finally:
        pens.put(pen)


if __name__ == "__main__":
    sys.exit(main())
