"""The buttons of a page that is really served, on a bench with real sockets: what comes of them at the instruments."""

import json
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.verdicts import ExitStatus
from campaign.served import served
from tests.packbench.live.sessions import live_session

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals"), pytest.mark.real_time]
DISCHARGE = """
from packbench import Discharge, elapsed

def test_it(bench):
    bench.run(Discharge("1C", until=elapsed(minutes=30)))
"""
PATIENCE = 60.0


def post(url: str, place: str) -> str:
    """Press the button behind `place` of the page at `url`, with its token."""
    asked = urlsplit(url)
    connection = HTTPConnection(asked.netloc, timeout=PATIENCE)
    connection.request("POST", f"{place}?{asked.query}")
    said = connection.getresponse().read().decode()
    connection.close()
    return said


def test_make_safe_now_switches_off_at_the_instruments_and_the_session_says_who_asked(tmp_path: Path) -> None:
    with served(tmp_path, soc=0.5) as bench, live_session(bench, DISCHARGE) as session:
        bench.wait_for("state", load=True, contactor=True)
        assert post(session.url, "/safe").startswith("Asked for outputs off at once")
        bench.wait_for("state", supply=False, load=False)
        output = session.ended()
    assert session.process.returncode == ExitStatus.BENCH_FAULT, output
    assert "asked again to end" in output, "the second request came while the first one was made good"
    (path,) = tmp_path.glob("runs/*/*/run.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert (manifest["verdict"], manifest["cause"]["blame"]) == ("ABORTED", "operator")
    assert manifest["bench_verdict"]["state"] == "not verified", "what was left out is nobody's to call verified"
