"""What is said to a served bench while it runs: defects begin and end, and the log says so."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instruments.virtual import World, open_world
from instruments.virtual.served.serving import SHARE
from tests.instruments.virtual.conftest import CELL, LINKS, SERIES, SIMULATORS
from tests.instruments.virtual.serving_bench import Served, serve_by_hand

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pipe cannot be waited for there")


@pytest.fixture
def world() -> Iterator[World]:
    """A pack behind a supply and a load."""
    opened = open_world(
        {"simulators": {name: SIMULATORS[name] for name in ("supply", "load")}, "plant": "pack"},
        links=LINKS, cell=CELL, series=SERIES, parallel=1, serial_number="served", seed=1, defects=(),
        wait=lambda _seconds: None,
    )  # fmt: skip
    yield opened
    opened.close()


class Speaker:
    """Somebody who has started the bench and says something to it."""

    def __init__(self, world: World) -> None:
        reading, self.writing = os.pipe()
        self.served: Served = serve_by_hand(world)
        self.served.server.offer_control(reading)
        self.reading = reading

    def say(self, text: str) -> None:
        os.write(self.writing, text.encode())
        for _ in range(1 + len(text) // SHARE):
            self.served.server.turn()

    def close(self) -> None:
        self.served.close()
        os.close(self.reading)


@pytest.fixture
def speaker(world: World) -> Iterator[Speaker]:
    """A served bench that listens to a pipe."""
    speaking = Speaker(world)
    yield speaking
    speaking.close()


def test_a_line_begins_a_defect_and_another_one_ends_it(speaker: Speaker, world: World) -> None:
    speaker.say('{"inject": ["panel-on:load:3"]}\n')
    assert world.outputs().battery == pytest.approx(-3.0)
    speaker.say('{"repair": ["panel-on"]}\n')
    assert world.outputs().battery == 0.0
    (begun,) = speaker.served.logged("injected")
    assert begun["defects"] == ["panel-on:load:3"]
    assert begun["monotonic"] == speaker.served.clock.now
    assert [event["defects"] for event in speaker.served.logged("repaired")] == [["panel-on"]]


def test_a_line_counts_once_it_is_whole(speaker: Speaker, world: World) -> None:
    speaker.say('{"inject": ["panel-on')
    assert not world.outputs().load
    speaker.say(':load:3"]}\n\n')
    assert world.outputs().load


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("off", "a control line is no JSON: write one JSON object"),
        pytest.param("[" * 20_000, "a control line is no JSON: write one JSON object", id="deep"),
        ("\xff", "a control line is no JSON: write one JSON object"),
        ("{}", "write one JSON object with one of inject, repair"),
        ('{"inject": [1]}', "the defects of 'inject' are [1]"),
        ('["silent:supply"]', "write one JSON object with one of inject, repair"),
        ('{"inject": ["silent:supply"], "repair": []}', "write one JSON object with one of inject, repair"),
        ('{"reboot": []}', "write one JSON object with one of inject, repair"),
        ('{"inject": "silent:supply"}', "the defects of 'inject' are 'silent:supply'"),
        ('{"inject": ["silent:lamp"]}', "names 'lamp', which is no instrument of this bench"),
        ('{"repair": ["silent"]}', "defect 'silent' is not in effect"),
    ],
)
def test_what_is_not_understood_is_one_sentence_and_the_bench_goes_on(
    speaker: Speaker, world: World, line: str, sentence: str
) -> None:
    speaker.say(line + "\n")
    (event,) = speaker.served.logged("not understood")
    assert sentence in event["text"]
    speaker.say('{"inject": ["panel-on:load:3"]}\n')
    assert world.outputs().load


def test_who_says_nothing_any_more_does_not_end_the_bench(speaker: Speaker) -> None:
    os.close(speaker.writing)
    speaker.served.server.turn()
    speaker.served.let_pass(1.0)
    assert [event["text"] for event in speaker.served.logged("disconnected")] == ["closed by the peer"]


def test_a_file_says_nothing(world: World) -> None:
    served = serve_by_hand(world)
    with Path(__file__).open("rb") as file, pytest.raises(OSError, match="come from a pipe or a terminal"):
        served.server.offer_control(file.fileno())
    served.close()
