"""Managers on wires of their own beside a bench whose time is real: served simulators, at many times real speed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench import columns
from campaign import served as serving
from campaign.served import ServedBench, served
from reports.recording import Recording
from tests.bench.cli_support import ROOT

SPEED = 10
PATIENCE = 900.0
"""s of real time after which a served bench is taken for one that hangs: a quarter of an hour of it takes 90 s."""
MANAGED = """
from datetime import datetime, timezone
import numpy as np
from packbench import Days, Manage

def test_managed(bench):
    flat = np.ones(1)
    days = Days(
        datetime(2026, 1, 12, tzinfo=timezone.utc), "paris-january", outside=25 * flat, house=400 * flat, sun=0 * flat,
        buy=0.25 * flat, sell=0.1 * flat, reserve=0.0,
    )
    bench.run(Manage({manager!r}, days, garage=False, name="manage"))
"""
CLIENT = '''
"""Gives back 2000 W of a car, renews it while it looks at its box, and is gone after a while without a word."""
import sys, time
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP
host, _, port = sys.argv[1].rpartition(":")
device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port), timeout=5.0)
device.connect()
device.scan(connect=False)
control, state, seen = device.models[704][0], device.models[701][0], 0
while seen < {looks}:
    control.WSetMod.value, control.WSet.cvalue, control.WSetEna.value = 1, 2000, 1
    control.write()
    state.read()
    seen += state.W.cvalue > 1000
    time.sleep(0.2)
print("seen", flush=True)
'''
CENTRAL = '''
"""Accepts everybody, has the car give back 2000 W each time it says what it needs, and ends after some meter values."""
import json, os
from websockets.sync.server import serve
NOW = "2026-01-12T00:00:00Z"
ANSWERS = {{
    "BootNotification": {{"currentTime": NOW, "interval": 300, "status": "Accepted"}},
    "NotifyEVChargingNeeds": {{"status": "Accepted"}},
}}
def attend(line):
    transaction, told = "", 0
    for text in line:
        kind, number, *rest = json.loads(text)
        if kind != 2:
            continue
        action, payload = rest
        if action == "TransactionEvent":
            transaction = payload["transactionInfo"]["transactionId"]
            told += "meterValue" in payload
            if told > {looks}:
                os._exit(0)
        line.send(json.dumps([3, number, ANSWERS.get(action, {{}})]))
        if action == "NotifyEVChargingNeeds":
            period = {{"startPeriod": 0, "setpoint": -2000, "operationMode": "CentralSetpoint"}}
            line.send(json.dumps([2, "p", "SetChargingProfile", {{"evseId": 1, "chargingProfile": {{
                "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
                "transactionId": transaction, "chargingSchedule": [
                    {{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}}]}}}}]))
with serve(attend, "127.0.0.1", 0, subprotocols=["ocpp2.1"]) as server:
    print(f"listening on ws://127.0.0.1:{{server.socket.getsockname()[1]}}", flush=True)
    server.serve_forever()
'''


def slower(bench: ServedBench) -> None:
    """Scans that a computer with other things to do keeps up with."""
    content = yaml.safe_load(bench.station.read_text(encoding="utf-8"))
    changed = content | {"scan_period": 1.0, "rest_scan_period": 2.0}
    bench.station.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")


def managed(folder: Path, manager: str) -> Recording:
    """The record of a quarter of an hour by a manager."""
    (folder / "test_mine.py").write_text(MANAGED.format(manager=manager), encoding="utf-8")
    plugins = ("-p", "bench.plugin", "-p", "reports.plugin", "-p", "no:cacheprovider")
    with served(folder, speed=SPEED, soc=0.7) as bench:
        slower(bench)
        command = [sys.executable, "-m", "pytest", *plugins, "--rootdir=.", f"--station={bench.station.name}"]
        done = subprocess.run(
            [*command, "test_mine.py"], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        bench.wait_for("state", load=True)
        bench.wait_for("state", supply=False, load=False, contactor=False)
    (found,) = folder.glob("runs/*/*/run.json")
    return Recording.load(found.parent)


def said(folder: Path) -> list[dict[str, Any]]:
    """What the manager said, and what was wrong with it."""
    (events,) = folder.glob("runs/*/*/events.jsonl")
    found = map(json.loads, events.read_text(encoding="utf-8").splitlines())
    return [event for event in found if event["type"] == "manager"]


@pytest.mark.long
@pytest.mark.parametrize("wire", ["modbus", "ocpp"])
def test_a_manager_beside_a_served_bench_is_obeyed_and_its_loss_is_a_rest(
    tmp_path: Path, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HOPELESS", PATIENCE)
    program = tmp_path / "manager.py"
    program.write_text({"modbus": CLIENT, "ocpp": CENTRAL}[wire].format(looks=5), encoding="utf-8")
    command = f"{wire}:{sys.executable} {program}"
    run = managed(tmp_path, command)
    assert run.manifest["clock"]["kind"] == "wall"
    assert run.manifest["bench_verdict"]["safe"] is True
    events = said(tmp_path)
    assert any(event["power"] == -2000 and not event["problem"] for event in events)
    lost = next(event for event in events if event["problem"])
    assert lost["power"] == 0
    time, power = run.column(columns.TEST_TIME), run.column(columns.POWER)
    given = np.flatnonzero(power < -1.0)
    assert given.size > 3
    # Nothing is given back from the moment on at which the loss was told, but what one scan had on its way.
    assert time[given[-1]] <= lost["time"] + 3.0
    assert power[-1] == 0.0
