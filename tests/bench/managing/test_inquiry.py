"""A question to a manager: who waits for its answer, and who goes on meanwhile."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from bench.managing.answer import NoAnswer
from bench.managing.inquiry import Inquiry


class Slow:
    """A manager that answers when it is let."""

    def __init__(self, says: Mapping[str, Any] | Exception) -> None:
        self.says, self.may, self.done = says, threading.Event(), threading.Event()

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """See `Manager`."""
        self.may.wait(20)
        self.done.set()
        if isinstance(self.says, Exception):
            raise self.says
        return {**self.says, **request}


def heard(inquiry: Inquiry) -> Any:
    """The reply of one that has been let."""
    while (reply := inquiry.reply()) is None:
        pass
    return reply


def test_where_time_is_real_nobody_waits_for_an_answer() -> None:
    manager = Slow({"power": 1.0})
    inquiry = Inquiry(manager, beside=True)
    inquiry.ask({"contract": 1})
    assert inquiry.reply() is None
    assert inquiry.pending
    assert not manager.done.is_set()
    manager.may.set()
    assert heard(inquiry)() == {"power": 1.0, "contract": 1}
    assert not inquiry.pending
    assert inquiry.reply() is None


def test_on_a_virtual_clock_nothing_happens_until_it_has_answered() -> None:
    manager = Slow({"power": 1.0})
    inquiry = Inquiry(manager, beside=False)
    inquiry.ask({})
    threading.Timer(0.1, manager.may.set).start()
    reply = inquiry.reply()
    assert reply is not None
    assert reply() == {"power": 1.0}


@pytest.mark.parametrize("beside", [True, False])
def test_what_asking_has_raised_is_raised_where_the_answer_is_taken(beside: bool) -> None:
    manager = Slow(NoAnswer("it did not answer."))
    manager.may.set()
    inquiry = Inquiry(manager, beside=beside)
    inquiry.ask({})
    with pytest.raises(NoAnswer, match="did not answer"):
        heard(inquiry)()
    assert not inquiry.pending
