"""A station file is data until somebody says --trust: what it names is not imported, loaded or written to."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bench.station import SHIPPED, StationFile, load_station
from bench.trust import refuse_untrusted
from bench.verdicts import InputError
from instruments import extensions, registry
from tests.bench.cli_support import ROOT, Change, WriteStation, packbench_here

EVIL = "evil_of_a_station:Driver"


def with_driver(station: dict[str, Any]) -> None:
    station["instruments"]["supply"]["driver"] = EVIL


def with_library(path: str) -> Change:
    return lambda station: station.update(visa_library=path)


def with_resource(resource: str) -> Change:
    return lambda station: station["instruments"]["chamber"].update(resource=resource)


def with_can(**settings: str) -> Change:
    return lambda station: station["instruments"]["bms"].update(can=settings)


UNTRUSTED: tuple[tuple[Change, str, str], ...] = (
    (with_driver, "instruments.supply.driver", EVIL),
    (with_library("./x.so"), "visa_library", "./x.so"),
    (with_library("/usr/lib/libvisa.so@ivi"), "visa_library", "/usr/lib/libvisa.so@ivi"),
    (with_library("@evil"), "visa_library", "@evil"),
    (with_resource("spy://loop://?file=/tmp/x"), "instruments.chamber.resource", "spy://loop://?file=/tmp/x"),
    (with_resource("SPY:///dev/ttyS0?all"), "instruments.chamber.resource", "SPY:///dev/ttyS0?all"),
    (with_resource("evil://x"), "instruments.chamber.resource", "evil://x"),
    (with_resource("ASRLspy://x::INSTR"), "instruments.chamber.resource", "ASRLspy://x::INSTR"),
    (
        with_can(interface="slcan", channel="spy://loop://?file=x"),
        "instruments.bms.can.channel",
        "spy://loop://?file=x",
    ),
    (with_can(interface="usb2can", channel="a", dll="x.dll"), "instruments.bms.can.dll", "x.dll"),
)
HARMLESS: tuple[Change, ...] = (
    *(with_library(name) for name in ("@ivi", "@py", "@packbench", "@sim", "")),
    *(
        with_resource(resource)
        for resource in (
            "tcp://192.168.0.5:502", "serial:///dev/ttyUSB0",
            "socket://192.168.0.5:2049", "rfc2217://host:4000", "loop://", "hwgrep://0403:6001", "Packbench://chamber",
            "ASRL/dev/ttyUSB0::INSTR", "ASRL3::INSTR", "TCPIP0::chamber::2049::SOCKET", "GPIB0::9::INSTR",
        )
    ),
    with_can(interface="slcan", channel="/dev/ttyACM0"),
    with_can(interface="socketcand", host="localhost", channel="can0"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "key", "found"), UNTRUSTED)
def test_what_runs_code_is_refused_by_file_key_and_finding(
    write_station: WriteStation, change: Change, key: str, found: str
) -> None:
    path = write_station(change)
    station, file = load_station(str(path))  # to read it, nobody has to be trusted
    with pytest.raises(InputError) as refused:
        refuse_untrusted(station, file, trusted=False)
    for said in (f"{path}, key {key}: found {found!r}", "--trust"):
        assert said in str(refused.value)
    refuse_untrusted(station, file, trusted=True)


@pytest.mark.parametrize("change", HARMLESS)
def test_what_only_connects_is_not(write_station: WriteStation, change: Change) -> None:
    refuse_untrusted(*load_station(str(write_station(change))), trusted=False)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_shipped_stations_need_no_trust(name: str) -> None:
    refuse_untrusted(*load_station(name), trusted=False)


def test_an_installed_entry_point_is_vouched_for_by_whoever_installed_it(
    write_station: WriteStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = EntryPoint("acme-5000", "acme.drivers:Acme5000", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(
        extensions, "brought", lambda group: {installed.name: (installed,)} if group == installed.group else {}
    )
    station, file = load_station(str(write_station(lambda content: _named(content, "acme-5000"))))
    refuse_untrusted(station, file, trusted=False)
    path = write_station(lambda content: _named(content, "acme.drivers:Acme5000"))
    with pytest.raises(InputError, match=r"acme\.drivers:Acme5000"):
        refuse_untrusted(*load_station(str(path)), trusted=False)


def _named(content: dict[str, Any], driver: str) -> None:
    content["instruments"]["supply"]["driver"] = driver


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the driver of the evil station leaves when it is imported."""
    left = tmp_path / "evil was here"
    (tmp_path / "evil_of_a_station.py").write_text(f"open({str(left)!r}, 'w').close()\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "evil_of_a_station", raising=False)
    return left


@pytest.mark.parametrize("command", ["check", "safe", "serve"])
def test_no_command_imports_what_an_untrusted_station_names(
    write_station: WriteStation, trap: Path, command: str
) -> None:
    path = write_station(with_driver)
    answer = packbench_here(command, path)
    assert answer.status == 2
    assert f"packbench: {path}, key instruments.supply.driver: found '{EVIL}'" in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not trap.exists()


def test_with_trust_it_is_imported(write_station: WriteStation, trap: Path) -> None:
    answer = packbench_here("check", write_station(with_driver), "--trust")
    assert answer.status == 2
    assert "cannot be imported" in answer.err
    assert trap.exists()


@pytest.mark.parametrize(("options", "imported"), [((), False), (("--trust",), True)])
def test_a_session_refuses_it_as_well(
    tmp_path: Path, write_station: WriteStation, trap: Path, options: tuple[str, ...], imported: bool
) -> None:
    path = write_station(with_driver)
    (tmp_path / "test_mine.py").write_text("def test_it(bench): pass\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--rootdir=.",
         f"--station={path}", *options, "test_mine.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert trap.exists() is imported, done.stdout + done.stderr
    if not imported:
        assert done.returncode == 2
        assert f"key instruments.supply.driver: found '{EVIL}'" in done.stdout + done.stderr


def test_a_station_of_before_still_loads(write_station: WriteStation) -> None:
    """Only its use asks for trust: a file with a library by its path can be read, listed and compared."""
    station, _ = load_station(str(write_station(with_library("/usr/lib/libvisa.so"))))
    assert isinstance(station, StationFile)
