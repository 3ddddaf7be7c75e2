"""The plugin that every pytest of the environment loads: whose session it is, and that it leaves alone what is not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

pytestmark = pytest.mark.dear(90)

ROOT = Path(__file__).parents[2]
SHORT = "from packbench import Rest, elapsed\nSHORT = Rest(until=elapsed(seconds=10))\n"
USES_OURS = SHORT + "def test_mine(run_scenario, temperature):\n    run_scenario(SHORT)\n"
LOADED = (
    "import sys\n"
    "@__import__('pytest').hookimpl(trylast=True)\n"
    "def pytest_unconfigure(config):\n"
    "    print('LOADED', sorted({'bench', 'reports', 'models', 'instruments', 'numpy'} & set(sys.modules)))\n"
)

RunPytest = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def run_pytest(project: Path) -> RunPytest:
    """pytest as somebody else starts it: nothing names packbench but its entry point."""

    def run(*options: str, cwd: Path = project, **variables: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options]
        done = subprocess.run(
            command, cwd=cwd, env={**kept, "PYTHONIOENCODING": "utf-8", **variables}, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert "INTERNALERROR" not in done.stdout + done.stderr
        return done

    return run


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text), encoding="utf-8")


def package(folder: Path, name: str, **files: str) -> None:
    (folder / name).mkdir()
    write(folder / name, __init__="", **files)


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """The sentence with which the session was refused: pytest prints it on stderr before there are tests, else not."""
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "Exit: packbench: " in line]
    return line


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} & {"runs", "allure-results"}


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("allure-results/*-result.json")]


class TestOfSomebodyElse:
    """A project that has nothing to do with a bench, in an environment where packbench is installed."""

    def test_nothing_of_ours_is_imported_and_nothing_is_written(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, conftest=LOADED, test_it="def test_it():\n    pass\n")
        done = run_pytest("-p", "no:hypothesispytest", "-p", "no:time_machine")
        assert done.returncode == 0
        assert "LOADED []" in done.stdout
        assert left(project) == set()

    def test_its_packages_options_and_fixtures_of_our_names_are_its_own(
        self, project: Path, run_pytest: RunPytest
    ) -> None:
        package(project, "bench", mine="VALUE = 7\n")
        package(project, "reports")
        write(
            project,
            conftest="""
            import pytest

            def pytest_addoption(parser):
                parser.addoption("--seed", default="barley")
                parser.getgroup("crops").addoption("--runs", type=int, default=3)

            @pytest.fixture
            def bench():
                return "of wood"

            @pytest.fixture(params=["hot", "cold"])
            def temperature(request):
                return request.param
            """,
            test_it="""
            import bench.mine
            import reports

            def test_it(bench, temperature, pytestconfig):
                assert bench == "of wood" and temperature in ("hot", "cold")
                assert pytestconfig.getoption("--seed") == "barley"
                assert pytestconfig.getoption("runs") == 4
            """,
        )
        done = run_pytest("--runs=4")
        assert (done.returncode, done.stdout.splitlines()[-1][:8]) == (0, "2 passed"), done.stdout
        assert left(project) == set()

    def test_its_allure_results_are_as_it_made_them(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it="def test_it():\n    pass\n")
        assert run_pytest("--alluredir=results").returncode == 0
        assert not (project / "results" / "categories.json").exists()
        assert left(project) == set()

    def test_a_file_that_cannot_be_collected_is_its_own_affair(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it="import nothing_of_the_kind\n")
        assert run_pytest().returncode == 2
        assert left(project) == set()


class TestOfTheBench:
    """A session becomes the bench's."""

    @pytest.mark.parametrize("mode", ["importlib", "prepend"])
    def test_a_test_that_uses_a_fixture_is_enough_wherever_it_lies(
        self, project: Path, tmp_path: Path, run_pytest: RunPytest, mode: str
    ) -> None:
        elsewhere = tmp_path / "elsewhere" / "deep"
        elsewhere.mkdir(parents=True)
        write(elsewhere, test_it=USES_OURS + "def test_plain():\n    pass\n")
        done = run_pytest(f"--import-mode={mode}", f"--rootdir={project}", str(elsewhere))
        assert done.returncode == 0, done.stdout
        assert "5 tests: 5 passed" in done.stdout  # the four temperatures, and the other test
        assert left(project) == {"runs", "allure-results"}
        found = results(project)
        assert [result["status"] for result in found] == ["passed"] * 5
        assert all({"feature", "story"} <= {label["name"] for label in result["labels"]} for result in found)
        assert len(list(project.glob("allure-results/*-attachment.png"))) == 4

    def test_an_option_is_enough(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it="def test_it():\n    pass\n")
        done = run_pytest("--station=virtual-modul")
        assert done.returncode == 2
        assert "did you mean 'virtual-module'?" in done.stderr

    @pytest.mark.parametrize("option", ["--station", "--pack", "--resume", "--manager"])
    def test_an_option_without_a_value_is_none(self, project: Path, run_pytest: RunPytest, option: str) -> None:
        """What is tested where nobody names a bench must not be tested in the place of one whose name is lost."""
        write(project, test_it=USES_OURS)
        done = run_pytest(f"{option}=")
        assert done.returncode == 2
        assert f"packbench: {option} is empty, as of a variable that is not set" in refusal(done)
        assert left(project) == set()

    def test_a_conftest_that_listens_is_enough(self, project: Path, run_pytest: RunPytest) -> None:
        listens = "def pytest_packbench_run_ended(item, folder):\n    print('ENDED', folder.name)\n"
        write(project, conftest=listens, test_it=USES_OURS)
        done = run_pytest("-s", "--temperatures=25")
        assert done.returncode == 0, done.stdout
        assert "ENDED" in done.stdout

    @pytest.mark.parametrize("named", [True, False], ids=["named", "the default"])
    def test_a_folder_that_takes_no_results_is_told_before_a_test_begins(
        self, project: Path, run_pytest: RunPytest, named: bool
    ) -> None:
        write(project, test_it=USES_OURS)
        folder = "taken" if named else "allure-results"
        (project / folder).write_text("", encoding="utf-8")
        done = run_pytest("--temperatures=25", *([f"--alluredir={folder}"] if named else []))
        assert done.returncode == 2
        assert f"--alluredir={folder}: cannot hold results (File exists); name another folder." in refusal(done)
        assert not list(project.glob("runs/*/*/run.json"))

    def test_no_test_lasts_less_than_nothing_where_the_clock_is_set_back_in_it(
        self, project: Path, run_pytest: RunPytest
    ) -> None:
        sets = "    import time_machine\n    time_machine.travel(0).start()\n"
        write(project, test_it=f"def test_it(bench):\n{sets}")
        assert run_pytest("--temperatures=25").returncode == 0
        (result,) = results(project)
        assert 0 <= result["stop"] - result["start"] < 300_000

    def test_a_fixture_that_wraps_ours_is_ours(self, project: Path, run_pytest: RunPytest) -> None:
        wraps = "import pytest\n@pytest.fixture\ndef bench(bench):\n    return bench\n"
        write(project, conftest=wraps, test_it=SHORT + "def test_mine(bench):\n    bench.run(SHORT)\n")
        assert "1 test: 1 passed" in run_pytest().stdout
        assert left(project) == {"runs", "allure-results"}

    def test_a_fixture_that_nobody_could_see_coming_is_told(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it="def test_mine(request):\n    request.getfixturevalue('bench')\n")
        done = run_pytest()
        assert done.returncode == 1
        assert "the fixture 'bench' is asked for within the test" in done.stdout
        assert left(project) == set()
        assert run_pytest("--temperatures=25").returncode == 0

    def test_what_is_wrong_is_one_sentence_though_it_is_found_late(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it=USES_OURS)
        (project / "runs").write_text("in the way")
        done = run_pytest()
        assert done.returncode == 2
        assert "--runs=runs: cannot hold recordings" in refusal(done)

    def test_an_id_is_looked_for_in_the_list_also_of_a_test_that_was_collected_before(
        self, project: Path, run_pytest: RunPytest
    ) -> None:
        (project / "requirements.yaml").write_text("schema: 1\nrequirements: {R-1: {text: T}}\n", encoding="utf-8")
        marked = "import pytest\n@pytest.mark.requirement('R-2')\ndef test_plain():\n    pass\n"
        write(project, test_a=marked, test_it=USES_OURS)
        done = run_pytest()
        assert done.returncode == 2
        assert "test_plain: its requirement 'R-2' is not in" in done.stdout + done.stderr
        assert not list(project.glob("runs/[0-9]*"))

    def test_with_workers_it_is_the_bench_s_from_the_start_or_not_at_all(
        self, project: Path, run_pytest: RunPytest
    ) -> None:
        write(project, test_it=USES_OURS)
        done = run_pytest("-n1")
        assert done.returncode != 0
        assert "with -n a session must be the bench's from the start" in done.stdout
        assert left(project) == set()

    def test_a_folder_of_the_configuration_is_for_the_bench(self, project: Path, run_pytest: RunPytest) -> None:
        (project / "pytest.ini").write_text("[pytest]\npackbench_tests = hil\n", encoding="utf-8")
        (project / "hil").mkdir()
        write(project / "hil", test_it=USES_OURS)
        (project / "unit").mkdir()
        write(project / "unit", test_unit="def test_it():\n    pass\n")
        assert "4 tests: 4 passed" in run_pytest("-n1", "hil").stdout
        assert len(list(project.glob("allure-results/*-attachment.png"))) == 4  # by the worker
        session = (project / "runs" / "session.json").read_bytes()
        assert run_pytest("unit").returncode == 0
        assert (project / "runs" / "session.json").read_bytes() == session

    def test_with_workers_a_test_without_a_bench_is_shown_as_it_ended(
        self, project: Path, run_pytest: RunPytest
    ) -> None:
        write(project, test_it="def test_it():\n    pass\n")
        assert run_pytest("-n1", "--temperatures=25").returncode == 0
        assert [result["status"] for result in results(project)] == ["passed"]

    def test_an_option_of_the_project_s_own_in_its_way_is_told(self, project: Path, run_pytest: RunPytest) -> None:
        write(
            project, conftest="def pytest_addoption(parser):\n    parser.addoption('--seed')\n", test_it=USES_OURS
        )  # fmt: skip
        done = run_pytest()
        assert done.returncode == 2
        assert "The option --seed is packbench's" in refusal(done)


class TestLeftOut:
    def test_all_of_it(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it=USES_OURS)
        assert "fixture 'run_scenario' not found" in run_pytest("-p", "no:packbench.plugin").stdout

    def test_the_report(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it=USES_OURS)
        assert run_pytest("-p", "no:reports.plugin", "--temperatures=25").returncode == 0
        assert left(project) == {"runs"}

    def test_what_the_fixtures_need(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, test_it=USES_OURS)
        done = run_pytest("-p", "no:bench.plugin")
        assert done.returncode == 2
        assert "-p no:bench.plugin leaves out what they need" in refusal(done)

    def test_autoloading_and_named_by_hand(self, project: Path, run_pytest: RunPytest) -> None:
        write(project, conftest='pytest_plugins = ["packbench.plugin"]\n', test_it=USES_OURS)
        done = run_pytest("-p", "packbench.plugin", "--temperatures=25", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        assert "1 test: 1 passed" in done.stdout


class TestHidden:
    """A folder of the user's that stands before one of ours."""

    @pytest.mark.parametrize("name", ["models", "instruments", "bench", "reports"])
    def test_it_is_told_to_a_session_of_the_bench_s(self, project: Path, run_pytest: RunPytest, name: str) -> None:
        package(project, name)
        write(project, test_it="def test_mine(run_scenario):\n    pass\n")
        done = run_pytest()
        assert done.returncode == 2
        assert f"{project / name} hides packbench's own package {name!r}" in refusal(done)
        assert "rename it" in refusal(done)

    def test_it_is_told_at_the_command_line(self, project: Path) -> None:
        package(project, "models")
        command = [sys.executable, "-m", "packbench", "runs"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"packbench: {project / 'models'} hides packbench's own package 'models'")
        assert len(done.stderr.splitlines()) == 1

    def test_it_is_told_to_who_imports_the_door(self, project: Path) -> None:
        package(project, "bench")
        command = [sys.executable, "-c", "from packbench import Charge"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert f"{project / 'bench'} hides packbench's own package 'bench'" in done.stderr.splitlines()[-1]

    def test_a_folder_that_is_no_package_hides_nothing(self, project: Path) -> None:
        (project / "models").mkdir()
        (project / "runs").mkdir()
        command = [sys.executable, "-m", "packbench", "runs"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
