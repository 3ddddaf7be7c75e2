"""How fast the supervisor is, on `served-module` over real sockets: to be up, and to switch off what a test left on.

Times are those of the served bench's own log and of the supervisor's report. It needs the ports of that station file.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.safety.heartbeat import Supervised
from bench.safety.supervisor import REPORT
from bench.station import load_station

STATION = "served-module"
REPEATS = 7
RECORDED = 20_000
"""Bytes of samples: more than twenty rows."""
PATIENCE = 60.0
"""s for whatever must come."""
CHARGE = """
import threading, time
from bench.columns import CURRENT, INDEX
from bench.scenario import Charge, elapsed

def hang(row):
    if row[INDEX[CURRENT]] > 0.5:
        open("hung", "w").write(str(time.monotonic()))
        while True:
            threading.Event().wait()

def test_charge(bench):
    if {hangs}:
        bench.engine.sampler.observers.append(hang)
    bench.run(Charge("1C", until=elapsed(hours=1)))
"""


def main() -> None:
    """Print the medians."""
    if sys.platform == "win32":
        print("not measured here: Windows has no SIGKILL")
        return
    starts = [_start() for _ in range(REPEATS)]
    print(f"started, until it watches:                      {median(starts):6.2f} s")
    killed = [_switched_off(hangs=False) for _ in range(REPEATS)]
    print(f"kill -9 -> supply and load off:                 {median(killed):6.2f} s (slowest {max(killed):.2f} s)")
    hung = [_switched_off(hangs=True) for _ in range(REPEATS)]
    limit = load_station(STATION)[0].supervisor.heartbeat
    print(f"test hangs -> supply and load off:              {median(hung):6.2f} s (slowest {max(hung):.2f} s)")
    print(f"  of which is the heartbeat limit:              {limit:6.2f} s")


def _start() -> float:
    with tempfile.TemporaryDirectory() as folder:
        before = time.perf_counter()
        supervised = Supervised(load_station(STATION)[0], Path(folder))
        supervised.confirm()
        took = time.perf_counter() - before
        supervised.dismiss()
    return took


def _switched_off(*, hangs: bool) -> float:
    """Seconds from the end of the test to the last output that went off."""
    with tempfile.TemporaryDirectory() as name, _served(Path(name)) as events:
        folder = Path(name)
        (folder / "test_charge.py").write_text(CHARGE.format(hangs=hangs), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "bench.plugin", "--rootdir=.", f"--station={STATION}"]
        paths = os.pathsep.join([str(Path.cwd()), *filter(None, sys.path)])
        test = subprocess.Popen(
            [*command, "test_charge.py"], cwd=folder, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.DEVNULL
        )
        _next(events, supply=True)
        if not hangs:  # one that hangs records nothing any more
            # Some scans later, as in life: the supervisor has long been ready. What is recorded shows that they were.
            _wait_for(lambda: any(each.stat().st_size > RECORDED for each in folder.glob("runs/*/*/samples.journal")))
        ended = time.monotonic()
        if not hangs:
            test.send_signal(signal.SIGKILL)
        off = _next(events, supply=False, load=False)
        test.wait()
        _wait_for(lambda: any('"done"' in each.read_text() for each in folder.glob(f"runs/*/*/{REPORT}")))
        return off - (float((folder / "hung").read_text()) if hangs else ended)


def _wait_for(come: Callable[[], bool]) -> None:
    """Look every tenth of a second; raises `RuntimeError` after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not come():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Nothing has come within {PATIENCE:g} s.")
        time.sleep(0.1)


@contextmanager
def _served(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """`packbench serve`, with room for one connection to what moves current."""
    command = [sys.executable, "-c", "from packbench.cli import main; main()", "serve", STATION, "--json"]
    exclusive = ["--exclusive", "supply", "--exclusive", "load"]
    with subprocess.Popen([*command, *exclusive], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def _next(process: "subprocess.Popen[str]", **fields: bool) -> float:
    """Monotonic time of the next event with these fields, s."""
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if fields.items() <= event.items():
            return float(event["monotonic"])
    raise RuntimeError("The served bench ended.")


if __name__ == "__main__":
    main()
