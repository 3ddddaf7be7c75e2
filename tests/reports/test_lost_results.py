"""Results that the disk refuses are counted and told, and cost the session nothing else."""

import errno
import os
from collections.abc import Callable

import pytest
from pluggy import PluginManager

from reports.lost_results import LostResults


class _Terminal:
    """What is written of pytest's terminal."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_line(self, line: str, **_: bool) -> None:
        self.lines.append(line)


def refused(number: int) -> Callable[[], None]:
    def write() -> None:
        raise OSError(number, os.strerror(number), "allure-results/x")

    return write


def told(lost: LostResults) -> list[str]:
    terminal = _Terminal()
    lost.pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    return terminal.lines


def test_where_nothing_is_lost_nothing_is_said() -> None:
    lost = LostResults()
    with lost.counted():
        pass
    assert told(lost) == []


def test_what_the_disk_refuses_is_counted_by_its_reason() -> None:
    lost = LostResults()
    for number in (errno.ENOSPC, errno.ENOSPC, errno.EACCES):
        with lost.counted():
            refused(number)()
    full, forbidden = told(lost)
    assert "will lack 2 files that could not be written (No space left on device): free some disk space" in full
    assert "will lack 1 file that could not be written (Permission denied)" in forbidden
    assert "The verdicts are not among them." in full


def test_an_error_without_a_number_is_told_by_its_words() -> None:
    lost = LostResults()
    with lost.counted():
        raise OSError("the share is gone")
    assert "(the share is gone)" in told(lost)[0]


def test_what_is_no_fault_of_the_disk_is_not_swallowed() -> None:
    lost = LostResults()
    with pytest.raises(ValueError, match="a mistake"), lost.counted():
        raise ValueError("a mistake")
    assert told(lost) == []


@pytest.mark.parametrize("hook", ["report_result", "report_container", "report_attached_file", "report_attached_data"])
def test_whatever_allure_writes_goes_on_where_it_was_refused(hook: str) -> None:
    from allure_commons import hookimpl
    from allure_commons._hooks import AllureDeveloperHooks

    names = AllureDeveloperHooks.__dict__[hook].__code__.co_varnames[1:]
    manager, lost = PluginManager("allure"), LostResults()
    manager.add_hookspecs(AllureDeveloperHooks)
    manager.register(lost)
    writer = type("Writer", (), {hook: hookimpl(lambda self: refused(errno.ENOSPC)())})()
    manager.register(writer)
    getattr(manager.hook, hook)(**dict.fromkeys(names))
    assert len(told(lost)) == 1
