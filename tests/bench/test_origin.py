"""Whose code an error came out of does not depend on where a package lies: installed, or beside its tests."""

import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import origin
from bench.verdicts import Verdict, blame_of, sentence_of

ROOT = Path(__file__).parents[2]
ENGINE = (str(ROOT / "bench" / "running" / "engine.py"), "bench.running.engine", "run")
WORLD = (str(ROOT / "instruments" / "virtual" / "world.py"), "instruments.virtual.world", "advance")
INSTALLED = sysconfig.get_path("purelib")
Call = tuple[str, str, str]


def acme(folder: str, name: str = "step") -> Call:
    """What the package `acme`, which brings steps, has in a folder."""
    return (str(Path(folder) / "acme" / f"{name}.py"), f"acme.{name}", "control")


def raised(error: BaseException, *calls: Call) -> BaseException:
    """An error that was raised by the last of these functions, each of which was called by the one before."""

    def fail() -> None:
        raise error

    innermost: Callable[[], None] = fail
    for number, (file, module, name) in enumerate(reversed(calls)):
        code = f"def {name}():\n    raise error" if number == 0 else f"def {name}():\n    inner()"
        known: dict[str, object] = {"__name__": module, "error": error, "inner": innermost}
        exec(compile(code, file, "exec"), known)
        innermost = known[name]  # type: ignore[assignment]
    with pytest.raises(type(error)) as caught:
        innermost()
    return caught.value


@pytest.fixture(autouse=True)
def _acme_brings_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "brought", lambda: {"acme": "acme 1.0"})


FOLDERS = pytest.mark.parametrize("folder", [INSTALLED, "/home/somebody/src"], ids=["installed", "beside the tests"])


def test_what_the_bench_called_and_wanted_to_end_the_program_is_the_bench_s() -> None:
    """A driver's library has done it: no test has asked for it, and a number is no sentence."""
    error = raised(SystemExit(3), ENGINE, WORLD)
    assert blame_of(error) == ("bench", Verdict.BENCH_FAULT)
    assert sentence_of(error) == "Something that the bench called wanted to end the program (SystemExit: 3)."


@FOLDERS
def test_a_mistake_in_a_step_of_a_package_is_the_test_s_and_told_with_its_place(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what lies below where one stands is told from there
    error = raised(ZeroDivisionError("oh"), ENGINE, acme(folder))
    assert blame_of(error) == ("test", Verdict.TEST_ERROR)
    assert sentence_of(error) == f"ZeroDivisionError: oh ({folder}/acme/step.py:2)"


@FOLDERS
def test_a_step_of_a_package_that_asserts_fails_no_pack(folder: str) -> None:
    assert blame_of(raised(AssertionError("it was begun"), ENGINE, acme(folder)))[0] == "test"


@FOLDERS
def test_a_helper_of_a_package_that_asserts_for_a_test_fails_the_pack(folder: str) -> None:
    assert blame_of(raised(AssertionError("too little"), acme(folder, "asserting")))[0] == "pack"


@FOLDERS
def test_a_mistake_in_a_simulator_of_a_package_is_the_bench_s(folder: str) -> None:
    assert blame_of(raised(ZeroDivisionError("oh"), ENGINE, WORLD, acme(folder, "simulator")))[0] == "bench"


@FOLDERS
def test_a_driver_is_the_bench_s_and_a_step_in_the_same_file_is_not(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, module, _ = acme(folder)
    monkeypatch.setattr(origin, "_drivers", {(file, "collect")})
    assert blame_of(raised(ZeroDivisionError("oh"), ENGINE, (file, module, "collect")))[0] == "bench"
    assert blame_of(raised(ZeroDivisionError("oh"), ENGINE, (file, module, "control")))[0] == "test"


def test_a_library_that_brings_nothing_is_whose_caller_called_it() -> None:
    library = (str(Path(INSTALLED) / "numbers_of_all_kinds.py"), "numbers_of_all_kinds", "divide")
    assert blame_of(raised(ZeroDivisionError("oh"), ENGINE, library))[0] == "bench"
    assert blame_of(raised(ZeroDivisionError("oh"), ENGINE, acme(INSTALLED), library))[0] == "test"
