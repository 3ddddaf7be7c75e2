"""The live page's server: who may look, who may stop, and that nobody who lags or misbehaves costs anything."""

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.asking import ANSWERED, ASKED, Answer, read_answer
from packbench.live import serving
from packbench.live.serving import Page, Server
from packbench.live.watching import Watch
from tests.packbench.live.conftest import Buttons
from tests.packbench.live.test_watching import Run

PATIENCE = 20.0


def ask(server: Server, method: str, place: str, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE)
    connection.request(method, place, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


class Browser:
    """Reads the stream, a message at a time."""

    def __init__(self, server: Server) -> None:
        self.connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE)
        self.connection.request("GET", "/stream")
        self.answer = self.connection.getresponse()

    def message(self) -> dict[str, Any]:
        while not (line := self.answer.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
        found: dict[str, Any] = json.loads(line[6:])
        return found

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def test_the_page_and_all_it_needs_come_from_here(server: Server) -> None:
    status, page = ask(server, "GET", "/")
    assert status == 200
    assert b"http://" not in page.replace(b"http://www.w3.org", b"")
    assert b"https://" not in page
    assert ask(server, "GET", "/uplot.js")[0] == 200
    assert ask(server, "GET", "/../../etc/passwd")[0] == 404


def test_several_browsers_get_everything_once_each_and_whoever_comes_late_what_was_before(
    server: Server, run: Run
) -> None:
    run.rows(1.0, 2.0)
    server.page.look()
    early = Browser(server)
    first = early.message()
    assert first["head"]["run"] == run.folder.relative_to(run.folder.parents[1]).as_posix()
    assert [row[0] for row in first["rows"]] == [1.0, 2.0]
    run.rows(3.0)
    server.page.look()
    second = early.message()
    assert "head" not in second
    assert [row[0] for row in second["rows"]] == [3.0]
    late = Browser(server)
    assert [row[0] for row in late.message()["rows"]] == [1.0, 2.0, 3.0]
    for browser in (early, late):
        browser.close()


class Laggard:
    """A browser that asks for the stream and takes nothing of it until it is told to."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", server.server_address[1]))
        self.socket.sendall(f"GET /stream HTTP/1.1\r\nHost: localhost:{server.server_address[1]}\r\n\r\n".encode())

    def messages(self, last: float) -> Iterator[dict[str, Any]]:
        """What it is sent, up to the row of test time `last`."""
        with self.socket.makefile("rb") as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    found: dict[str, Any] = json.loads(line[6:])
                    yield found
                    if found["rows"] and found["rows"][-1][0] == last:
                        return


def look(page: Page) -> None:
    """Look as `follow` does; fails, instead of waiting for ever, where somebody keeps what all share."""
    assert page.bell.acquire(timeout=PATIENCE), "whoever writes to a browser that takes nothing holds the others up"
    try:
        page.look()
    finally:
        page.bell.release()


def test_a_browser_that_takes_nothing_keeps_nobody_waiting_and_gets_the_newest_when_it_does(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving._Handler, "timeout", 2 * PATIENCE)  # it is not let go meanwhile
    looks, at_once = 150, serving.AT_ONCE
    run.rows(0.0)
    look(server.page)
    lagging, quick = Laggard(server), Browser(server)
    quick.message()
    for number in range(looks):
        run.rows(*(number * at_once + each + 1.0 for each in range(at_once)))
        look(server.page)
        assert quick.message()["rows"][-1][0] == (number + 1.0) * at_once
    got = list(lagging.messages(looks * at_once))
    assert len(got) < looks / 2, "it was sent one message for all that it had missed"
    lagging.socket.close()
    quick.close()


def test_the_scenario_is_sent_when_it_changes_and_to_whoever_comes_late(server: Server, run: Run) -> None:
    steps = [{"index": index, "name": f"step {index}", "expected_duration": 9.0} for index in (1, 2)]
    run.event(time=0.0, type="scenario planned", steps=steps)
    run.rows(1.0)
    server.page.look()
    early = Browser(server)
    assert [step["name"] for step in early.message()["scenario"]] == ["step 1", "step 2"]
    run.rows(2.0)
    server.page.look()
    assert "scenario" not in early.message()
    run.event(time=2.0, type="step started", **steps[0])
    server.page.look()
    late = Browser(server)
    for browser in (early, late):
        assert [step["now"] for step in browser.message()["scenario"]] == [True, False]
        browser.close()


@pytest.mark.parametrize("place", ["/stop", "/safe"])
def test_a_button_needs_the_token_and_everybody_sees_that_it_was_pressed(server: Server, run: Run, place: str) -> None:
    run.rows(1.0)
    server.page.look()
    browser = Browser(server)
    browser.message()
    buttons = server.page.control
    assert isinstance(buttons, Buttons)
    for token in ("", "?token=", "?token=wrong", f"?token={server.page.token[:-1]}", "?token=%ff%fe"):
        assert ask(server, "POST", place + token)[0] == 403
    assert buttons.pressed == []
    status, said = ask(server, "POST", f"{place}?token={server.page.token}")
    assert (status, buttons.pressed) == (200, [place[1:]])
    assert browser.message()["asked"] == [said.decode()]
    browser.close()


def test_a_question_is_answered_once_by_who_has_the_token(server: Server, run: Run) -> None:
    run.rows(1.0)
    (run.folder / "question-2.png").write_bytes(b"a picture")
    asked = {"step": 2, "text": "Plug", "photo": "question-2.png", "answers": ["done", "no"]}
    assert ask(server, "GET", "/photo")[0] == 404
    run.event(time=1.0, type=ASKED, **asked)
    server.page.look()
    browser = Browser(server)
    assert browser.message()["state"]["question"] == asked
    assert ask(server, "GET", "/photo") == (200, b"a picture")
    token = f"token={server.page.token}"
    assert ask(server, "POST", "/answer?step=2&answer=done&who=A")[0] == 403
    for wrong in ("step=1&answer=done", "step=2&answer=maybe", "answer=done", "step=x&answer=done"):
        ask(server, "POST", f"/answer?{token}&{wrong}&who=A")
    assert read_answer(run.folder, 2) is None
    status, said = ask(server, "POST", f"/answer?{token}&step=2&answer=no&who=A.%20Person")
    assert (status, said.decode()) == (200, "A. Person: no.")
    assert read_answer(run.folder, 2) == Answer("no", "A. Person", "page")
    run.event(time=2.0, type=ANSWERED, step=2)
    server.page.look()
    assert ask(server, "POST", f"/answer?{token}&step=2&answer=done&who=B")[1] == b"Nobody is asked that any more."
    assert ask(server, "GET", "/photo")[0] == 404
    browser.close()


def test_no_button_is_pressed_by_looking(server: Server) -> None:
    assert ask(server, "GET", f"/stop?token={server.page.token}")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "", "localhost:1"])
def test_a_name_from_elsewhere_that_leads_here_is_refused(server: Server, host: str) -> None:
    assert ask(server, "GET", "/", Host=host)[0] == 403
    assert ask(server, "POST", f"/stop?token={server.page.token}", Host=host)[0] == 403
    assert ask(server, "GET", "/", Host=f"localhost:{server.server_address[1]}")[0] == 200


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_whatever_bytes_come_the_page_is_there_afterwards_and_no_button_was_pressed(
    server: Server, content: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=PATIENCE) as stranger:
        stranger.sendall(content + b"\r\n\r\n")
    assert ask(server, "GET", "/")[0] == 200
    assert isinstance(server.page.control, Buttons)
    assert server.page.control.pressed == []


def test_who_waits_is_let_go_when_it_ends(server: Server, run: Run) -> None:
    run.rows(1.0)
    server.page.look()
    browser = Browser(server)
    browser.message()
    server.page.close()
    while browser.answer.readline():
        pass
    browser.close()
    assert serving.SILENCE < PATIENCE


class Stumbling(Watch):
    """Cannot read its first looks."""

    def __init__(self, runs: Path, times: int) -> None:
        super().__init__(runs)
        self.left = times

    def look(self) -> bool:
        if self.left:
            self.left -= 1
            raise KeyError("pack")
        return super().look()


def test_a_look_that_fails_is_said_once_on_the_page_and_is_not_the_last(
    server: Server, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.rows(1.0)
    server.page.watch = Stumbling(tmp_path, times=3)
    stop = threading.Event()
    following = threading.Thread(target=serving.follow, args=(server.page, stop, 0.01))
    following.start()
    browser = Browser(server)
    message = browser.message()
    assert [row[0] for row in message["rows"]] == [1.0]
    assert message["asked"] == [
        "This page made a mistake of its own (KeyError: 'pack'); the test does not depend on it."
    ]
    stop.set()
    following.join()
    browser.close()
    assert capsys.readouterr().err.count("Traceback") == 1


def test_what_goes_wrong_for_one_browser_is_said_to_the_others(server: Server, run: Run) -> None:
    run.rows(1.0)
    server.page.look()
    early = Browser(server)
    early.message()
    watched = server.page.watch.run
    assert watched is not None
    named, watched.manifest = watched.manifest, {"run_id": watched.manifest["run_id"]}
    late = HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE)
    late.request("GET", "/stream")
    assert late.getresponse().read() == b""
    watched.manifest = named
    server.page.stumbled(OSError("rings the bell"))
    assert "KeyError: 'test'" in early.message()["asked"][0]
    late.close()
    early.close()
