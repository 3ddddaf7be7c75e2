"""The command that has tests of a session again: every option of it, its tests replaced, quoted for a shell."""

import shlex

import pytest

from bench.recording.again import again
from bench.recording.session_log import Session

A, B = "test_cases/test_a.py::test_it[C/3 slow]", "test_cases/test_b.py::test_that"


def session(*command: str, chosen: tuple[str, ...] = (), **facts: object) -> Session:
    told = {"command": list(command), "chosen": list(chosen), "folder": "/lab", "rootdir": "/lab", "environment": {}}
    return Session.new({**told, **facts})


@pytest.mark.parametrize(
    ("command", "chosen", "kept"),
    [
        ((), (), ()),
        (("test_cases", "--seed", "3"), ("test_cases",), ("--seed", "3")),
        (("--pack=a b", "-m", "not slow", "test_cases"), ("test_cases",), ("--pack=a b", "-m", "not slow")),
        (("--runs", "test_cases", "test_cases"), ("test_cases",), ("--runs", "test_cases")),
        (("test_cases", "--runs", "test_cases"), ("test_cases",), ("--runs", "test_cases")),
        (("-x", "test_cases", "test_cases/b.py"), ("test_cases", "test_cases/b.py"), ("-x",)),
        (("--resume=last", "-q"), (), ("-q",)),
        (("--resume", "last", "-q"), (), ("-q",)),
    ],
)
def test_every_option_is_kept_and_every_test_replaced(
    command: tuple[str, ...], chosen: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    words = shlex.split(again(session(*command, chosen=chosen), [A, B]))
    assert words == ["cd", "/lab", "&&", "pytest", *kept, A, B]


def test_what_the_environment_added_is_added_again() -> None:
    command = again(session(environment={"PYTEST_ADDOPTS": "-n 2 --seed=3"}), [B])
    assert command == f"cd /lab && PYTEST_ADDOPTS='-n 2 --seed=3' pytest {B}"


def test_tests_are_named_as_seen_from_where_the_session_ran() -> None:
    command = again(session(folder="/lab/test_cases", rootdir="/lab"), [B])
    assert command == "cd /lab/test_cases && pytest test_b.py::test_that"
