"""The link to a manager over a real socket and to a real process: what it may say, and who is blamed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat
from subprocess import PIPE
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.managing import orphans
from bench.managing.answer import NoAnswer, understood
from bench.managing.link import Link
from bench.verdicts import BenchFault, InputError
from tests.bench.managing.manager import manager

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["power", "warnings", "say"]), inner),
    max_leaves=6,
)


@given(JSON)
def test_whatever_it_says_is_an_answer_or_its_own_failure(said: Any) -> None:
    try:
        power = understood(said).power
    except NoAnswer:
        return
    assert isinstance(said, Mapping)
    assert power == float(said["power"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"3 kW please", "no JSON"), (b"[1]", "no object"), (b'{"power": "3"}', "finite number"),
        (b'{"power": NaN}', "finite number"), (b'{"power": true}', "finite number"), (b"{}", "finite number"),
        (b'{"power": 1, "warnings": ["soon"]}', "each with a departure"), (None, "did not answer"),
        pytest.param(b'{"power": 1%s}' % (b"0" * 400), "finite number", id="400 digits"),
        pytest.param(b"[" * 100_000, "no JSON", id="nested without an end"),
        (b'{"power": 1, "warnings": [{"departure": "2026-01-13T07:30:00"}]}', "no offset from UTC"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_in_one_sentence(said: bytes | None, why: str) -> None:
    with manager(lambda _asked: said) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer, match=why):
            understood(link.decide({"contract": 1}))
        link.close()


def test_who_hung_up_is_asked_again() -> None:
    answers = iter([None, {"power": 5}])
    with manager(lambda _asked: next(answers)) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer):
            link.decide({})
        assert link.decide({})["power"] == 5
        link.close()


@pytest.fixture
def talker() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Serves every connection by a function of the test's own; its address."""
    with ExitStack() as opened:
        yield lambda attend: opened.enter_context(_talking(attend))


@contextmanager
def _talking(attend: Callable[[socket.socket], None]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_attended, args=(line, attend), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _attended(line: socket.socket, attend: Callable[[socket.socket], None]) -> None:
    with line, suppress(OSError):
        attend(line)


def _asks(line: socket.socket) -> bool:
    """Whether a whole request came."""
    found = b""
    while b"}" not in found and (came := line.recv(4096)):
        found += came
    return b"}" in found


def _says(power: float) -> bytes:
    body = json.dumps({"power": power}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_a_server_that_tires_of_a_silent_line_has_not_failed(talker: Any) -> None:
    """Web servers hang up after some seconds without a request; between two questions there are fifteen minutes."""
    over = threading.Event()

    def attend(line: socket.socket) -> None:
        if _asks(line):
            line.sendall(_says(5))
            line.close()
            over.set()

    link = Link(talker(attend))
    for _ in range(3):
        assert link.decide({})["power"] == 5
        assert over.wait(20)
        over.clear()
    link.close()


def test_what_is_said_unasked_answers_no_later_question(talker: Any) -> None:
    asked, said = threading.Event(), threading.Event()

    def attend(line: socket.socket) -> None:
        while _asks(line):
            line.sendall(_says(5))
            asked.wait(20)
            try:
                line.sendall(_says(-9999))
            finally:
                said.set()

    link = Link(talker(attend))
    assert link.decide({})["power"] == 5
    asked.set()
    assert said.wait(20)
    assert link.decide({})["power"] == 5
    link.close()


@pytest.mark.parametrize(
    "said",
    ["\x1b[31mred\nsecond line", pytest.param("x" * 5000, id="long"), {"not": "a text"}, 10**20, ["a", "list"], True],
)
def test_whatever_it_says_for_the_record_is_one_short_line(said: Any) -> None:
    told = understood({"power": 1, "say": said}).say
    assert told.isprintable()
    assert 0 < len(told) <= 200


def test_an_answer_that_trickles_in_costs_no_more_than_one_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte arrives within any timeout of a socket, and the last one never."""
    monkeypatch.setattr("bench.managing.link.PATIENCE", 0.3)
    over = threading.Event()
    answers: Any = iter([iter(lambda: over.wait(0.02) or b" ", True), {"power": 5}])
    with manager(lambda _asked: next(answers)) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer, match="did not answer"):
            link.decide({})
        assert link.decide({})["power"] == 5
        over.set()
        link.close()


def test_an_answer_that_came_whole_after_its_time_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the line ends such a body, so what had come by then is an object."""
    monkeypatch.setattr("bench.managing.link.PATIENCE", 0.3)
    over = threading.Event()

    def late() -> Iterator[bytes]:
        yield b'{"power": 5}'
        over.wait()

    with manager(lambda _asked: late()) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer, match="did not answer"):
            link.decide({})
        over.set()
        link.close()


def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    answers: Any = iter([repeat(b" " * (1 << 16)), {"power": 5}])
    with manager(lambda _asked: next(answers)) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer, match="more than 1048576 bytes"):
            link.decide({})
        assert link.decide({})["power"] == 5
        link.close()


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("http://127.0.0.1:9", "nobody answers"), ("http://127.0.0.1:port", "give http://HOST:PORT"),
        ("http://127.0.0.1:99999", "give http://HOST:PORT"), ("http://[::1", "give http://HOST:PORT"),
        ("http://127.0.0.1:9/api", "give http://HOST:PORT"), ("ftp://somewhere", "never said"),
        ("nobody-of-this-name", "never said"),
        (f"{sys.executable} -c pass", "never said"), ("no-such-command --port 1", "cannot be started"),
    ],
)  # fmt: skip
def test_a_manager_that_there_is_not_is_wrong_input(which: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        Link(which)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_process_that_somebody_killed_is_not_its_own_failure() -> None:
    link = Link("reference")
    assert link._process is not None
    process = link._process.running
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(BenchFault, match="killed by signal 9"):
        link.decide({})
    link.close()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV"])
def test_a_process_that_crashed_has_failed_by_itself(name: str) -> None:
    """No bench is to blame for a manager that cannot bear its own request, and the next one finds nobody either."""
    link = Link("reference")
    assert link._process is not None
    process = link._process.running
    process.send_signal(getattr(signal, name))
    process.wait()
    for _ in range(2):
        with pytest.raises(NoAnswer, match="did not answer"):
            link.decide({})
    link.close()


def test_a_process_that_was_started_ends_with_its_link() -> None:
    link = Link("reference")
    assert link._process is not None
    process = link._process.running
    link.close()
    link.close()
    assert process.poll() is not None


def test_a_process_does_not_outlive_a_test_that_was_killed() -> None:
    """Nobody had the time to end it: what holds the other end of its watch is gone, and that is enough."""
    holds = "from bench.managing.link import Link; print(Link('reference')._process.running.pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holds], stdin=PIPE, stdout=PIPE, text=True) as test:
        assert test.stdout is not None
        manager = psutil.Process(int(test.stdout.readline()))
        assert manager.is_running()
        test.kill()
        with suppress(psutil.NoSuchProcess):
            manager.wait(timeout=30)  # raises where it is still there
    assert not manager.is_running()


def test_a_process_that_ends_by_itself_is_not_looked_for_again() -> None:
    """Its number may be another's by then."""
    link = Link("reference")
    assert link._process is not None
    watch = link._process._watch
    link.close()
    assert watch._process.returncode == 0


def test_a_process_that_was_found_ended_is_not_looked_for_any_more() -> None:
    """From then on its number may be another's, and this test may be killed hours later."""
    link = Link("reference")
    assert link._process is not None
    link._process.running.kill()
    link._process.running.wait()
    assert link.lost
    assert link._process._watch._process.returncode == 0
    link.close()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the system has no handles of processes")
def test_whoever_gets_the_number_of_a_process_that_was_looked_after_hears_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_number: list[int] = []
    monkeypatch.setattr(os, "kill", lambda number, _signal: by_number.append(number))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=PIPE) as process:
        before = orphans.sender(process.pid)
        before(0)
        process.communicate()
    for send in (before, orphans.sender(process.pid)):
        with pytest.raises(ProcessLookupError):
            send(0)
        orphans.end(send)
    assert by_number == []


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("http://127.0.0.1:port", "give http://HOST:PORT, a command or a name"),
        ("http://127.0.0.1:99999", "give http://HOST:PORT, a command or a name"),
        ("http://[::1", "give http://HOST:PORT, a command or a name"),
        ("python 'my manager.py", "is no command (No closing quotation)"),
    ],
)
def test_what_is_no_address_and_no_command_is_one_sentence(which: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        Link(which)
    assert str(refused.value).startswith(f"manager {which!r}: ")
    assert says in str(refused.value)
