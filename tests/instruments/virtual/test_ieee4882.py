"""What IEEE 488.2 asks of every instrument, of those whose manuals list it: events, masks, the status byte."""

from collections.abc import Callable
from typing import Any

import pytest

OpenBench = Callable[..., Any]

pytestmark = pytest.mark.parametrize("name", ["load", "temperatures"])


def test_an_event_is_latched_by_its_class_and_cleared_by_being_read(open_bench: OpenBench, name: str) -> None:
    bench = open_bench("supply", name)
    assert bench.ask(name, "*ESR?") == "128"  # it was switched on
    bench.say(name, "FROB")
    assert bench.ask(name, "*ESR?") == "32"
    assert bench.ask(name, "*ESR?") == "0"
    bench.say(name, "*OPC")
    assert bench.ask(name, "*ESR?") == "1"


def test_an_enabled_event_shows_in_the_status_byte(open_bench: OpenBench, name: str) -> None:
    """The manual of the load has `*ESE 48` for its example: command and execution errors."""
    bench = open_bench("supply", name)
    bench.say(name, "*CLS", "*ESE 48", "*SRE 32")
    assert bench.ask(name, "*ESE?;*SRE?") == "48;32"
    assert bench.ask(name, "*STB?") == "0"
    bench.say(name, "FROB")
    assert bench.ask(name, "*STB?") == str(0x04 | 0x20 | 0x40)
    bench.say(name, "*CLS")
    assert bench.ask(name, "*STB?") == "0"


@pytest.mark.parametrize("mask", ["*ESE 256", "*SRE -1"])
def test_a_mask_of_more_than_eight_bits_is_refused(open_bench: OpenBench, name: str, mask: str) -> None:
    bench = open_bench("supply", name)
    bench.say(name, mask)
    assert bench.ask(name, "SYST:ERR?") == '-222,"Data out of range"'


def test_what_is_done_is_complete_and_a_self_test_passes(open_bench: OpenBench, name: str) -> None:
    bench = open_bench("supply", name)
    bench.say(name, "*WAI")
    assert bench.ask(name, "*OPC?;*TST?") == "1;0"
    assert bench.ask(name, "SYST:ERR?") == '+0,"No error"'


def test_in_a_full_queue_an_overflow_stands_in_place_of_the_newest(open_bench: OpenBench, name: str) -> None:
    """SCPI-99 volume 2, 21.8.1."""
    bench = open_bench("supply", name)
    bench.say(name, *["FROB"] * 12)
    said = [bench.ask(name, "SYST:ERR?") for _ in range(11)]
    assert said == [*['-113,"Undefined header"'] * 9, '-350,"Queue overflow"', '+0,"No error"']
