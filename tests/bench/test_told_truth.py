"""What is said of a session is true wherever somebody looks: terminal, JUnit, page, `packbench`, exit status."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.cli_support import packbench
from tests.bench.session_support import Project

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="these signals and shells are POSIX's"),
    pytest.mark.dear(120),
]

PASSES = """
def test_passes(bench):
    bench.run(SHORT)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose last session has passed."""
    found = Project(tmp_path)
    found.write(PASSES)
    ended = found.run()
    assert ended.status == 0, ended.output
    assert found.report().status == 0
    return found


# --- never green by what an earlier session said ----------------------------------------------------------------------


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("name", "status", "verdict"), [("SIGKILL", -signal.SIGKILL, "BENCH FAULT"), ("SIGINT", 130, "ABORTED")]
)
def test_a_session_that_ends_in_its_first_test_is_never_told_as_the_one_before(
    project: Project, name: str, status: int, verdict: str
) -> None:
    project.write(f"""
    def test_ended(bench):
        at_time(bench, 10, lambda: os.kill(os.getpid(), signal.{name}))
        bench.run(SHORT)

    def test_never_begun(bench):
        bench.run(SHORT)
    """)
    ended = project.run()
    assert ended.status == status, ended.output
    answer = project.report()
    assert answer.status == (3 if name == "SIGKILL" else 130)
    assert ("The last session never ended" in answer.out) is (name == "SIGKILL")
    assert "2 tests: 0 passed" in answer.out
    assert "1 not run." in answer.out
    assert f"{'1 bench failed' if name == 'SIGKILL' else '1 aborted'}" in answer.out
    assert "test_ended" in project.page
    assert (
        "<h1>The pack passed 0 of 2 tests and failed none; 2 ended without a verdict on the pack.</h1>" in project.page
    )
    # What the run has recorded is shown, though its process left no result.
    assert 'src="figures/' in project.page
    if name == "SIGINT":
        assert project.junit() == {"test_ended": ("error", "ABORTED"), "test_never_begun": ("skipped", "NOT RUN")}
        assert project.verdicts == {"test_ended": verdict, "test_never_begun": "NOT RUN"}


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("options", "text", "says"),
    [
        (["--temperatures=warm"], PASSES, "--temperatures='warm'"),
        (["--defect=weak-sell:7:0.7"], PASSES, "did you mean 'weak-cell'?"),
        ([], "import nothing_of_this_name\n", "No module named 'nothing_of_this_name'"),
        (["-m", "nothing ("], PASSES, ""),
    ],
)
def test_a_session_that_could_not_begin_is_not_told_as_the_one_before_and_touches_nothing_of_it(
    project: Project, options: list[str], text: str, says: str
) -> None:
    results = sorted((project.folder / "allure-results").glob("*-result.json"))
    project.write(text)
    ended = project.run(*options)
    assert ended.status in (2, 4), ended.output
    assert ended.output.count(says) >= 1
    assert sorted((project.folder / "allure-results").glob("*-result.json")) == results
    answer = project.report()
    assert answer.status in (2, 4)
    assert says in answer.out
    assert "1 passed" not in answer.out
    assert "<b>0</b> passed" in project.page
    assert sorted((project.folder / "allure-results").glob("*-result.json")) == results


def test_a_session_without_a_bench_leaves_the_record_of_the_bench_alone(project: Project) -> None:
    before = project.record
    (project.folder / "tests").mkdir()
    (project.folder / "tests" / "test_unit.py").write_text("def test_unit():\n    assert 1 == 2\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", "tests"]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Bench:" not in done.stdout
    assert project.record == before


def test_a_resumed_session_goes_on_with_the_record_of_the_one_that_died(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    from pathlib import Path

    def dies_once():
        if not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def test_a(bench):
        bench.run(SHORT)

    def test_dies(bench):
        at_time(bench, 10, dies_once)
        bench.run(SHORT)

    def test_never_begun(bench):
        bench.run(SHORT)
    """)
    assert project.run().status == -signal.SIGKILL
    resumed = project.run("--resume=last")
    # Its own test passed; of the session's one was never judged.
    assert resumed.status == 1, resumed.output
    assert project.verdicts == {"test_a": "PASS", "test_dies": "PASS", "test_never_begun": "NOT RUN"}
    answer = project.report()
    assert (answer.status, "3 tests: 2 passed" in answer.out, "1 not run." in project.page) == (1, True, True)


def test_a_record_that_cannot_be_written_is_no_good_end(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    from pathlib import Path

    def test_passes(bench):
        bench.run(SHORT)
        Path("runs/session.json.partial").mkdir()  # as a disk that takes nothing more
    """)
    ended = project.run()
    assert ended.status == 3, ended.output
    assert any("session.json, cannot be written" in line for line in ended.lines[-3:])
    assert project.record["state"] == "running"


OTHERS_ENDS = {
    "a disk that is full": "",
    "a mistake": """
        def pytest_sessionfinish(session): raise RuntimeError("a mistake of somebody's")
        """,
    "a mistake of a wrapper": """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_sessionfinish(session):
            yield
            raise RuntimeError("a mistake of somebody's")
        """,
    "another status": """
        import pytest

        def pytest_sessionfinish(session): pytest.exit("all is well", returncode=0)
        """,
}


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("how", OTHERS_ENDS)
@pytest.mark.parametrize(("defects", "status"), [((), 2), (("output-stays-on:load",), 3)])
def test_an_end_of_somebody_else_s_that_fails_replaces_no_verdict(
    tmp_path: Path, how: str, defects: tuple[str, ...], status: int
) -> None:
    project = Project(tmp_path)
    project.write("""
    def test_discharges(bench):
        bench.run(Discharge("C/3", until=elapsed(minutes=1)))
    """, conftest=OTHERS_ENDS[how])  # fmt: skip
    junit = () if OTHERS_ENDS[how] else ("--junitxml=/dev/full",)
    ended = project.run(*junit, *(f"--defect={defect}" for defect in defects))
    assert ended.status == status, ended.output
    record = project.record
    assert (record["state"], record["exit_status"]) == ("ended", status)
    assert record["verdicts"] == {"BENCH FAULT" if defects else "PASS": 1}
    assert "A part of this session's end failed" in record["trouble"]
    assert "packbench: A part of this session's end failed" in ended.output
    assert ended.lines[-1].startswith("NOT VERIFIED SAFE" if defects else "Bench: verified safe")


def test_an_end_that_fails_in_a_session_without_a_bench_is_left_to_pytest(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("def test_alone(): ...", conftest=OTHERS_ENDS["a mistake"])
    ended = project.run()
    assert ended.status == 1
    assert "A part of this session's end failed" not in ended.output
    assert not (tmp_path / "runs" / "session.json").exists()


def test_a_results_folder_that_is_gone_costs_the_results_and_no_verdict(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    import shutil
    from pathlib import Path

    def test_first(bench):
        bench.run(SHORT)
        shutil.rmtree("allure-results")
        Path("allure-results").touch()  # nothing can be written into it any more

    def test_second(bench):
        bench.run(SHORT)
    """)
    ended = project.run()
    assert ended.status == 0, ended.output
    assert ended.lines[-2].startswith("2 tests: 2 passed")


# --- every place says the same ----------------------------------------------------------------------------------------

ENDINGS = """
from bench.verdicts import BenchFault

def test_passes(bench, verify):
    bench.run(SHORT)
    verify("x", 2.0, at_least=1.0)

def test_fails(bench, verify):
    bench.run(SHORT)
    verify("x", 0.5, unit="Ah", at_least=1.0)

def test_doubtful(bench, verify):
    verify("x", 1.01, unit="Ah", at_least=1.0, uncertainty=0.1)

def test_breaks(bench):
    raise BenchFault("The mains failed.", "instrument-fault")

def test_mistaken(bench):
    bench.run(Rest(until=elapsed(minute=1)))

@pytest.fixture
def stumbling():
    yield
    raise ValueError("stumbled")

def test_stumbles(stumbling, bench):
    bench.run(SHORT)

def test_without_a_bench():
    nothing_of_this_name()

@pytest.mark.skip(reason="not today")
def test_left_out(bench):
    pass
"""
VERDICTS = {
    "test_passes": "PASS", "test_fails": "FAIL", "test_doubtful": "INCONCLUSIVE", "test_breaks": "BENCH FAULT",
    "test_mistaken": "TEST ERROR", "test_stumbles": "TEST ERROR", "test_without_a_bench": "TEST ERROR",
    "test_left_out": "NOT RUN",
}  # fmt: skip
COUNTS = "8 tests: 1 passed, 1 inconclusive, 1 pack failed, 3 test error, 1 bench failed, 0 aborted, 1 not run."


def test_terminal_junit_page_report_record_and_exit_status_agree(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(ENDINGS)
    ended = project.run()
    assert ended.status == 3
    assert ended.lines[-2:] == [COUNTS, "Bench: verified safe after each of 6 runs."]
    assert (project.verdicts, project.record["exit_status"]) == (VERDICTS, 3)
    kinds = {
        "PASS": ("passed", ""), "FAIL": ("failure", "FAIL"), "INCONCLUSIVE": ("failure", "INCONCLUSIVE"),
        "BENCH FAULT": ("error", "BENCH FAULT"), "TEST ERROR": ("error", "TEST ERROR"),
        "NOT RUN": ("skipped", "NOT RUN"),
    }  # fmt: skip
    assert project.junit() == {name: kinds[verdict] for name, verdict in VERDICTS.items()}
    answer = project.report()
    assert answer.status == 3
    assert COUNTS in answer.out
    assert "Bench: verified safe after each of 6 runs." in answer.out
    assert COUNTS in project.page
    for count, words in ((1, "pack failed"), (1, "bench failed"), (3, "test error"), (1, "passed"), (1, "not run")):
        assert f"<b>{count}</b> {words}</span>" in project.page


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(("chosen", "status"), [("passes or left_out", 0), ("doubtful", 1), ("fails or mistaken", 2)])
def test_the_exit_status_is_the_worst_news(tmp_path: Path, chosen: str, status: int) -> None:
    project = Project(tmp_path)
    project.write(ENDINGS)
    assert project.run("-k", chosen).status == status
    assert project.record["exit_status"] == status


def test_enough_failures_are_the_pack_s_with_workers_too(tmp_path: Path) -> None:
    """pytest-xdist calls such a session interrupted, which has the number of wrong input."""
    project = Project(tmp_path)
    project.write("""
    @pytest.mark.parametrize("n", range(4))
    def test_fails(bench, n):
        bench.run(SHORT)
        assert n < 0
    """)
    ended = project.run("-n", 2, "--maxfail=1")
    assert ended.status == 1, ended.output
    assert project.report().status == 1


def test_a_worker_that_crashed_is_a_bench_fault_everywhere(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    def test_a(bench):
        bench.run(SHORT)

    def test_crashes(bench):
        at_time(bench, 10, lambda: os._exit(3))
        bench.run(SHORT)

    def test_c(bench):
        bench.run(SHORT)
    """)
    ended = project.run("-n", 2)
    assert ended.status == 3, ended.output
    counts = "3 tests: 2 passed, 0 inconclusive, 0 pack failed, 0 test error, 1 bench failed, 0 aborted, 0 not run."
    assert ended.lines[-2] == counts
    assert ended.lines[-1].endswith("1 died with its process, and its simulators with it.")
    assert project.junit()["test_crashes"] == ("error", "BENCH FAULT")
    answer = project.report()
    assert (answer.status, counts in answer.out, counts in project.page) == (3, True, True)
    # Its run, which never ended, is the one that is shown.
    (died,) = [manifest for manifest in project.manifests if manifest["state"] == "running"]
    (test,) = [test for test in project.record["tests"] if test["verdict"] == "BENCH FAULT"]
    assert test["run"] == died["run_id"]


# --- the bench comes first --------------------------------------------------------------------------------------------

STAYS_ON = """
def test_stays_on(bench):
    bench.run(Discharge("C/3", until=elapsed(minutes=5)))
"""


@pytest.fixture(scope="module")
def unsafe(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A session after which the load still draws current."""
    project = Project(tmp_path_factory.mktemp("unsafe"))
    project.write(STAYS_ON)
    ended = project.run("--defect=output-stays-on:load")
    (project.folder / "output.txt").write_text(ended.output, encoding="utf-8")
    assert ended.status == 3, ended.output
    return project


BY_HAND = "Switch the bench off by hand"


def test_a_bench_that_is_not_verified_safe_is_the_last_line_of_the_terminal(unsafe: Project) -> None:
    last = (unsafe.folder / "output.txt").read_text(encoding="utf-8").rstrip().splitlines()[-1]
    assert last.startswith("NOT VERIFIED SAFE (")
    assert BY_HAND in last
    assert "Look first at: " in last
    assert "load" in last.partition("Look first at: ")[2]


def test_a_bench_that_is_not_verified_safe_is_red_on_a_terminal(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(STAYS_ON)
    ended = project.run("--defect=output-stays-on:load", "--color=yes")
    assert ended.lines[-1].startswith("\x1b[31m\x1b[1mNOT VERIFIED SAFE")


def test_a_bench_that_is_not_verified_safe_is_told_by_every_command(unsafe: Project) -> None:
    listed = packbench("runs", cwd=unsafe.folder)
    assert "NOT VERIFIED SAFE" in next(line for line in listed.out.splitlines() if "stays_on" in line)
    assert BY_HAND in listed.out.rstrip().splitlines()[-1]
    answer = unsafe.report()
    assert answer.status == 3
    assert BY_HAND in answer.out.rstrip().splitlines()[-1]
    (manifest,) = unsafe.manifests
    judged = packbench("judge", manifest["run_id"], cwd=unsafe.folder)
    assert judged.status == 3
    assert BY_HAND in judged.out.rstrip().splitlines()[-1]
    assert unsafe.junit()["test_stays_on"] == ("error", "BENCH FAULT")


def test_a_bench_that_is_not_verified_safe_stands_before_everything_on_the_page(unsafe: Project) -> None:
    unsafe.report()
    body = unsafe.page.partition("<body>")[2]
    assert body.index('<p class="alarm"><strong>NOT VERIFIED SAFE') < body.index("<h1>")
    assert BY_HAND in body[: body.index("<h1>")]


def test_ctrl_c_ends_with_one_line_that_says_whether_the_bench_is_safe(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    def test_asked(bench):
        at_time(bench, 10, lambda: os.kill(os.getpid(), signal.SIGINT))
        bench.run(SHORT)
    """)
    ended = project.run()
    assert ended.status == 130, ended.output
    assert ended.lines[-1] == "Bench: verified safe after its only run."


def test_ctrl_c_that_leaves_a_bench_unsafe_is_no_mere_interruption(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    def test_asked(bench):
        at_time(bench, 10, lambda: os.kill(os.getpid(), signal.SIGINT))
        bench.run(Discharge("C/3", until=elapsed(minutes=5)))
    """)
    ended = project.run("--defect=output-stays-on:load")
    assert ended.status == 3, ended.output
    assert ended.lines[-1].startswith("NOT VERIFIED SAFE")
    assert ended.lines[-2].startswith("1 test: ")
    assert "1 aborted" in ended.lines[-2]
    assert project.report().status == 3


@pytest.mark.parametrize(
    ("defects", "status", "said"),
    [
        ((), 130, "Bench: verified safe after its only run."),
        (("panel-on:supply:5", "output-stays-on:supply"), 3, "NOT VERIFIED SAFE (source off: output still reads on"),
    ],
)
def test_ctrl_c_while_the_bench_is_being_opened_says_how_it_was_left(
    tmp_path: Path, defects: tuple[str, ...], status: int, said: str
) -> None:
    project = Project(tmp_path)
    project.write("def test_asked(bench): ...", conftest="""
    import os
    import signal

    from bench.safety import asfound

    reached, asked = asfound._reached, []

    def asked_once(station, name, context):
        if name == "bms" and not asked:
            asked.append(name)
            os.kill(os.getpid(), signal.SIGINT)
        return reached(station, name, context)

    asfound._reached = asked_once
    """)  # fmt: skip
    ended = project.run(*(f"--defect={defect}" for defect in defects))
    assert ended.status == status, ended.output
    assert ended.lines[-1].startswith(said)
    assert project.verdicts == {"test_asked": "ABORTED"}


@pytest.mark.long
def test_ctrl_c_with_workers_says_it_of_every_run_that_was_open(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("""
    import time
    from pathlib import Path

    @pytest.mark.parametrize("number", [1, 2])
    def test_asked(bench, number):
        bench.run(SHORT)
        Path(f"there-{number}").touch()
        if number == 1:
            while not Path("there-2").exists():
                time.sleep(0.01)
            os.killpg(os.getpgrp(), signal.SIGINT)  # as a terminal does
        time.sleep(60)
    """)
    ended = project.run("-n", 2)
    assert ended.status == 130, ended.output
    assert ended.lines[-1] == "Bench: verified safe after each of 2 runs."
    assert "2 aborted" in ended.lines[-2]


# --- mistakes in tests ------------------------------------------------------------------------------------------------


def test_a_mistake_on_a_real_clock_ends_its_test_alone_on_a_bench_that_was_made_safe(tmp_path: Path) -> None:
    from campaign.served import served

    project = Project(tmp_path)
    project.write("""
    def test_mistaken(bench):
        bench.run(Rest(until=elapsed(minute=1)))

    def test_goes_on(bench):
        bench.run(Rest(until=elapsed(seconds=1)))
    """)
    with served(tmp_path) as bench:
        ended = project.run(f"--station={bench.station}")
    assert ended.status == 2, ended.output
    assert project.verdicts == {"test_mistaken": "TEST ERROR", "test_goes_on": "PASS"}
    (first, _) = project.manifests
    assert (first["verdict"], first["cause"]["blame"], first["cause"]["fault"]) == ("TEST ERROR", "test", "test-error")
    assert first["cause"]["text"].endswith(f"(test_cases/test_mine.py:{line_of(project, 'minute=1')})")
    assert first["bench_verdict"]["safe"] is True


def line_of(project: Project, text: str) -> int:
    lines = (project.folder / "test_cases" / "test_mine.py").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


# --- the same again ---------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_repeat_these_pasted_into_a_shell_has_them_again_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "it's a place"
    folder.mkdir()
    project = Project(folder)
    project.write("""
    from bench.verdicts import BenchFault

    @pytest.mark.chosen
    @pytest.mark.parametrize("way", ["C/3 slow", "it's"])
    def test_breaks(bench, temperature, way):
        raise BenchFault("The mains failed.", "instrument-fault")

    def test_not_chosen(bench):
        bench.run(SHORT)
    """)
    options = (
        "--station=virtual-pack", "--pack", "lfp-96s", "--temperatures=-5,10", "--seed", "3", "-m", "chosen",
        "--defect=weak-cell:7:0.7", "--defect", "meter-gain:supply:1.0001", "--runs", "my runs",
    )  # fmt: skip
    assert project.run(*options).status == 3
    before = sorted(folder.glob("my runs/*/*/run.json"))
    answer = packbench("report", "my runs", cwd=folder)
    assert answer.status == 3, answer.err
    command = packbench_command(project.page)
    script = f"alias pytest='{sys.executable} -m pytest -p no:cacheprovider'\n{command}\n"
    done = subprocess.run(
        ["bash", "-O", "expand_aliases", "-c", script], cwd="/", env=project.environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    again = [path for path in sorted(folder.glob("my runs/*/*/run.json")) if path not in before]
    assert (len(before), len(again)) == (4, 4)
    assert asked(again) == asked(before)


def packbench_command(page: str) -> str:
    import html

    return html.unescape(page.partition("Repeat these: <code>")[2].partition("</code>")[0])


def asked(paths: list[Path]) -> list[object]:
    import json

    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return sorted(
        str([manifest["test"], manifest["station"]["name"], manifest["pack"]["name"], manifest["seed"],
              manifest["defects"]]) for manifest in manifests
    )  # fmt: skip
