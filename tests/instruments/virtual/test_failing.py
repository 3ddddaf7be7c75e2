"""Whose code failed, when simulators look at each other: the last who was entered or asked."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from instruments.virtual.failing import SimulatorFailed, failed, whose


@dataclass
class Part:
    """A simulator that asks another one, or falls over."""

    ports: list[object] = field(default_factory=list)
    asks: "Part | None" = None

    def sample(self) -> None:
        if self.asks is None:
            raise ZeroDivisionError("division by zero")
        self.asks.sample()


class Port:
    """Where a part touches the world; falls over by itself."""

    def join(self) -> None:
        raise KeyError("air")


def caught(call: Any) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011 - whatever it is
        call()
    return found.value


def test_the_last_who_was_asked_has_failed() -> None:
    broken = Part()
    parts = {"asking": Part(asks=broken), "broken": broken}
    assert whose(caught(parts["asking"].sample), parts) == "broken"
    assert whose(caught(broken.sample), parts) == "broken"


def test_who_asks_somebody_that_is_no_part_has_failed() -> None:
    parts = {"asking": Part(asks=Part())}
    assert whose(caught(parts["asking"].sample), parts) == "asking"


def test_a_port_is_its_part_s() -> None:
    port = Port()
    parts = {"chamber": Part(), "logger": Part(ports=[object(), port])}
    assert whose(caught(port.join), parts) == "logger"


def test_where_nobody_was_asked_nobody_is_named() -> None:
    assert whose(caught(Part().sample), {"supply": Part()}) == ""
    assert whose(ValueError("never raised"), {"supply": Part()}) == ""


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("supply", KeyError("x"), "The simulator of supply failed by KeyError: 'x'; mend its code, or take another"),
        ("", ValueError("no air"), "A simulator failed by ValueError: no air; mend"),
        ("bms", AssertionError(), "The simulator of bms failed by AssertionError: without a word; mend"),
        ("bms", RuntimeError("  \n"), "The simulator of bms failed by RuntimeError: without a word; mend"),
    ],
)
def test_a_failure_is_told_with_its_name_and_what_it_was(name: str, error: Exception, text: str) -> None:
    assert str(failed(name, error)).startswith(text)


def test_a_failure_of_one_that_another_looks_at_keeps_its_name() -> None:
    first = failed("bms", ValueError("no air"))
    assert failed("supply", first) is first
    assert isinstance(first, SimulatorFailed)
