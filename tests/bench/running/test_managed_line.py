"""The line to a manager where nobody waits: one link at most, closed at once when it is down, and another after it."""

from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.running.procedures.base import Stage
from bench.running.procedures.managed import line
from bench.running.procedures.managed.line import Line
from tests.bench.managing.clients import until
from tests.bench.running.test_managed_homes import Standby


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Standby]:
    """The links that were opened, in their order; each says its number."""
    found = list[Standby]()

    def open_one(_which: str, *, beside: bool) -> Standby:
        assert not beside
        found.append(Standby())
        monkeypatch.setattr(found[-1], "says", f"link {len(found)}")
        return found[-1]

    monkeypatch.setattr(line, "open_link", open_one)
    return found


@pytest.fixture
def told() -> list[str]:
    """What was said of links."""
    return []


@pytest.fixture
def stage(told: list[str]) -> Stage:
    def event(kind: str, *, says: str) -> None:
        assert kind == "manager link"
        told.append(says)

    return cast("Any", SimpleNamespace(log=SimpleNamespace(event=event)))


def test_a_line_has_one_link_until_it_ends(opened: list[Standby], stage: Stage, told: list[str]) -> None:
    one = Line("reference", beside=False)
    assert one.link(stage) is one.link(stage) is opened[0]
    assert not opened[0].closed
    one.end()
    assert opened[0].closed
    assert told == ["link 1"]
    assert one.link(stage) is opened[1], "a step that is run again begins with another"


def test_a_manager_that_is_down_is_left_at_once_and_another_comes_when_it_is_back(
    opened: list[Standby], stage: Stage, told: list[str]
) -> None:
    one = Line("reference", beside=False)
    one.link(stage)
    assert one.restarted(stage, down=False) is None
    assert not opened[0].closed
    for _ in range(3):
        assert one.restarted(stage, down=True) is None
        assert (len(opened), opened[0].closed, one.coming) == (1, True, False)
    assert one.restarted(stage, down=False) is opened[1]
    assert one.restarted(stage, down=False) is None
    assert (len(opened), opened[1].closed, one.coming) == (2, False, False)
    assert told == ["link 1", "link 2"]


def test_one_that_is_down_for_a_single_scan_is_another_one_afterwards(opened: list[Standby], stage: Stage) -> None:
    one = Line("reference", beside=False)
    one.link(stage)
    for number in (1, 2):
        one.restarted(stage, down=True)
        assert one.restarted(stage, down=False) is opened[number]
    assert [each.closed for each in opened] == [True, True, False]


def test_where_time_is_real_another_is_begun_only_when_the_one_that_is_down_has_gone(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    """It takes its time to go, and has the port for as long; no scan waits for it."""
    may, order = Event(), list[str]()

    class Slow(Standby):
        def close(self) -> None:
            assert may.wait(60)
            order.append("gone")

    def opened(_which: str, *, beside: bool) -> Standby:
        assert beside
        order.append("begun")
        return Slow()

    monkeypatch.setattr(line, "open_link", opened)
    one = Line("reference", beside=True)
    first = one.link(stage)
    assert one.restarted(stage, down=True) is None
    for _ in range(200):
        assert one.restarted(stage, down=False) is None
        assert one.coming
    may.set()
    until(lambda: (found := one.restarted(stage, down=False)) is not None and found is not first)
    assert order == ["begun", "gone", "begun"]
    one.end()
