"""Simulators come from outside: found by name, joined by their ports, with settings, defects and properties."""

import pkgutil
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import can
import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

import instruments.virtual.simulators
from bench.pack import load_pack
from bench.running.lifecycle import OpenBench as WholeBench
from bench.running.setup import Setup
from bench.station import load_station
from instruments.virtual import registry
from instruments.virtual.plants import EmulatedPack
from instruments.virtual.properties import Properties
from instruments.virtual.wires import exchange
from instruments.virtual.wires.exchange import Line
from tests.bench.cli_support import Change, WriteStation
from tests.instruments.virtual import foreign
from tests.instruments.virtual.conftest import Bench, OpenBench
from tests.instruments.virtual.listening import Listen, charge

Bring = Callable[..., None]
TESTER = {"simulator": "acme-it5000"}


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Bring:
    """Install packages that bring simulators: (name, attribute of `foreign`)."""

    def brought(*entries: tuple[str, str]) -> None:
        found = tuple(EntryPoint(name, f"{foreign.__name__}:{value}", registry.GROUP) for name, value in entries)
        monkeypatch.setattr(registry, "_brought", lambda: found)

    return brought


@pytest.fixture
def write_station(tmp_path: Any) -> WriteStation:
    """A changed copy of `virtual-module`."""
    import yaml

    from bench.station import SHIPPED

    def write(change: Change) -> Any:
        content = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
        change(content)
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


# ---- ours ----


def test_nobody_but_its_own_file_knows_the_name_of_a_simulator() -> None:
    folder = Path(instruments.virtual.__file__).parent
    others = [path for path in folder.rglob("*.py") if "simulators" not in path.parts]
    assert others
    for path in others:
        text = path.read_text(encoding="utf-8")
        for name, simulator in registry.shipped().items():
            assert f'"{name}"' not in text, path
            made = simulator.build if isinstance(simulator.build, type) else simulator.build.__annotations__["return"]
            assert made.__name__ not in text, path


def test_every_file_of_the_folder_brings_one() -> None:
    found = {module.name for module in pkgutil.iter_modules(instruments.virtual.simulators.__path__)}
    assert len(registry.shipped()) == len(found)


# ---- from outside ----


@pytest.fixture
def insulated(bring: Bring, open_bench: OpenBench) -> Bench:
    bring(("acme-it5000", "TESTER"))
    return _tester_bench(open_bench)


def _tester_bench(open_bench: OpenBench, **settings: Any) -> Bench:
    simulators = {
        "supply": {"simulator": "ea-psb10000"},
        "load": TESTER | settings,
        "bms": {"simulator": "foxbms"},
    }
    return open_bench("supply", simulators=simulators)


def test_a_simulator_from_outside_is_asked_for_by_its_name(insulated: Bench) -> None:
    assert insulated.ask("load", "*IDN?").startswith("ACME,IT5000,")
    assert insulated.ask("load", "CELLS?") == "24"
    insulated.world.advance(12.5)
    assert insulated.world.part("load").elapsed == pytest.approx(12.5)


def test_what_they_have_switched_on_is_seen_beside_the_outputs_of_ours(insulated: Bench) -> None:
    seen = [insulated.world.outputs()]
    for message in ("ON", "OFF"):
        insulated.say("load", message)
        seen.append(insulated.world.outputs())
    assert [each.other for each in seen] == [False, True, False]
    assert seen[0].switches != seen[1].switches


def test_where_nobody_else_can_switch_anything_on_nothing_is_said_of_it(open_bench: OpenBench) -> None:
    assert open_bench("supply").world.outputs().other is None


def test_a_property_is_one_for_everybody_who_measures_it(insulated: Bench, listen: Listen) -> None:
    listener = listen(insulated)
    assert insulated.ask("load", "RES?") == "2.000E+07"
    insulated.world.inject("insulation:50000")
    assert insulated.ask("load", "RES?") == "5.000E+04"
    assert listener.signals()["InsulationResistance"] == 49  # kOhm, in steps of 7
    insulated.world.repair("insulation")
    assert insulated.ask("load", "RES?") == "2.000E+07"


def test_without_anybody_who_brings_it_there_is_no_leak(bring: Bring, open_bench: OpenBench) -> None:
    bring(("acme-it5000", "TESTER"))
    bench = open_bench("supply", simulators={"load": TESTER})
    assert bench.ask("load", "RES?") == "1.000E+11"
    with pytest.raises(ValueError, match="needs a simulated bms, which the station does not have"):
        bench.world.inject("insulation:50000")


def test_a_leak_that_only_the_tester_knows_of_is_the_bmss_as_well(
    bring: Bring, open_bench: OpenBench, listen: Listen
) -> None:
    bring(("acme-it5000", "TESTER"))
    bench = _tester_bench(open_bench, leak=70e3)
    assert listen(bench).signals()["InsulationResistance"] == 70


def test_a_defect_from_outside_begins_and_ends(insulated: Bench) -> None:
    insulated.world.inject("burden-stuck:load:1e4@10+5")
    for expected in ("2.000E+07", "1.000E+04", "2.000E+07"):
        assert insulated.ask("load", "RES?") == expected
        insulated.world.advance(12.0)
    with pytest.raises(ValueError, match=r"names 'supply', which is no tester of this bench: .*load"):
        insulated.world.inject("burden-stuck:supply:1")
    with pytest.raises(ValueError, match="where a number above 0 is needed"):
        insulated.world.inject("burden-stuck:load:-1")


def test_what_can_be_wrong_with_every_instrument_can_be_with_theirs(insulated: Bench) -> None:
    insulated.world.inject("wrong-identity:load", "duplicate-reply:load")
    assert insulated.ask("load", "*IDN?").startswith("ACME,X-9000,")


def test_a_station_file_uses_a_simulator_of_another_package(bring: Bring, write_station: WriteStation) -> None:
    def other_maker(station: dict[str, Any]) -> None:
        station["virtual"]["simulators"]["load"]["simulator"] = "acme-load"
        del station["virtual"]["plant"]

    bring(("acme-load", "LOAD"))
    setup = Setup(*load_station(str(write_station(other_maker))), *load_pack("lfp-24s"), defects=("fan-stops:load@30",))
    bench = WholeBench(setup)
    try:
        assert bench.drivers["load"].identify().manufacturer.upper() == "CHROMA"
        assert isinstance(bench.world.plant, EmulatedPack), "the emulator is the battery where there is one"
    finally:
        bench.close()


# ---- other wires ----


@pytest.fixture
def framed(bring: Bring, open_bench: OpenBench) -> Bench:
    bring(("acme-framed", "FRAMED"))
    return open_bench("supply", simulators={"load": {"simulator": "acme-framed"}}, links={"load": "packbench://framed"})


def test_a_line_without_terminators_is_framed_by_its_device(framed: Bench) -> None:
    with serial.serial_for_url(framed.world.reached("packbench://framed", None)[0], timeout=0) as port:
        for byte in b"\x03\n\r\x00\x02":
            port.write(bytes([byte]))
        assert port.read(100) == b"\x00\r\n"
        port.write(b"\xff\xfe")
        assert port.read(100) == b"\xfe\xff"


def test_replies_on_a_line_without_terminators_can_be_disturbed(framed: Bench) -> None:
    framed.world.inject("timeout:load")
    with serial.serial_for_url("packbench://framed", timeout=0) as port:
        port.write(b"\x01a\x01b")
        assert port.read(100) == b"b"


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(1, 7))
def test_a_framed_line_takes_the_same_apart_however_it_comes(messages: list[bytes], chunk: int) -> None:
    device: Any = foreign.Framed.__new__(foreign.Framed)
    stream = b"".join(bytes([len(message)]) + message for message in messages)
    line = Line(device, lambda _seconds: None)
    for start in range(0, len(stream), chunk):
        line.write(stream[start : start + chunk])
    assert list(line.replies) == [message[::-1] for message in messages]
    assert line.unfinished == b""


def test_two_nodes_are_on_one_bus(bring: Bring, open_bench: OpenBench, listen: Listen) -> None:
    bring(("acme-beacon", "BEACON"))
    simulators = {"bms": {"simulator": "foxbms"}, "load": {"simulator": "acme-beacon"}}
    bench = open_bench("supply", simulators=simulators, links={"load": "packbench:test"})
    heard = [message.arbitration_id for message in listen(bench).frames(1.0)]
    assert heard.count(0x123) == 1
    assert heard.count(0x220) == 1
    beacon = bench.world.part("load")
    assert beacon.heard > 5
    bench.world.close()
    assert beacon.left
    with pytest.raises(can.CanInitializationError, match="no open world"):
        can.Bus(interface="packbench", channel="test", world=bench.world.exchange.name)


def test_an_emulator_may_be_on_the_bus_of_the_bms(bring: Bring, open_bench: OpenBench) -> None:
    bring(("acme-cells", "CELLS_ON_CAN"))
    simulators = {"bms": {"simulator": "foxbms"}, "emulator": {"simulator": "acme-cells"}}
    bench = open_bench("supply", simulators=simulators, links={"emulator": "packbench:test"}, series=1)
    assert isinstance(bench.world.plant, EmulatedPack)
    assert bench.world.outputs().emulator is False
    with can.Bus(interface="packbench", channel="test") as bus:
        bus.send(can.Message(arbitration_id=0x400, data=[1], is_extended_id=False))
    assert bench.world.outputs().emulator is True


# ---- more than one of a kind ----


def two_of_each(open_bench: OpenBench, *more: str) -> Bench:
    names = {"supply": "supply", "second supply": "supply", "load": "load", "second load": "load"}
    simulators = {
        name: {"simulator": {"supply": "ea-psb10000", "load": "chroma-63600"}[kind], "accuracy": 0.0}
        for name, kind in names.items()
    }
    for name, kind in names.items():
        if kind == "load":
            simulators[name] |= {"voltage": 150, "current": 60, "power": 6000}
    simulators |= {name: {"simulator": {"bms": "foxbms"}[name]} for name in more}
    return open_bench("supply", simulators=simulators, links=LINKS)


LINKS = {"second supply": "TCPIP::supply2.test::5025::SOCKET", "second load": "TCPIP::load2.test::2101::SOCKET"}


def say(bench: Bench, name: str, *messages: str) -> list[str]:
    session: Any = bench.manager.open_resource(
        {**LINKS, "supply": "TCPIP::supply.test::5025::SOCKET", "load": "TCPIP::load.test::2101::SOCKET"}[name],
        read_termination="\n", write_termination="\n",
    )  # fmt: skip
    found = [session.query(message) if "?" in message else str(session.write(message)) for message in messages]
    session.close()
    return found


def test_two_supplies_and_two_loads_share_the_node(open_bench: OpenBench) -> None:
    bench = two_of_each(open_bench)
    for name, current in (("supply", 5), ("second supply", 3)):
        say(bench, name, "SYST:LOCK ON", f"VOLT 110;CURR {current};POW 30kW;:SINK:CURR 0", "OUTP ON")
    for name, current in (("load", 1.5), ("second load", 0.5)):
        say(bench, name, "MODE CCH", f"CURR:STAT:L1 {current}", "LOAD ON")
    measured = [
        float(say(bench, name, "MEAS:CURR?")[0].rstrip("A"))
        for name in ("supply", "second supply", "load", "second load")
    ]
    assert measured == pytest.approx([5.0, 3.0, 1.5, 0.5])
    assert bench.world.outputs().battery == pytest.approx(6.0)
    before = bench.world.plant.soc.copy()
    bench.world.advance(600)
    assert (bench.world.plant.soc - before) * bench.world.plant.capacity == pytest.approx(1.0, rel=0.01)


def test_one_of_two_supplies_trips_alone(open_bench: OpenBench) -> None:
    bench = two_of_each(open_bench)
    for name, protection in (("supply", 4), ("second supply", 400)):
        say(bench, name, "SYST:LOCK ON", f"CURR:PROT {protection}", "VOLT 110;CURR 5;POW 30kW", "OUTP ON")
    bench.world.advance(1)
    assert [say(bench, name, "OUTP?")[0] for name in ("supply", "second supply")] == ["OFF", "ON"]
    assert bench.world.outputs().battery == pytest.approx(5.0)
    assert bench.world.outputs().supply


def test_both_that_see_too_much_voltage_switch_off(open_bench: OpenBench) -> None:
    """Though it is gone as soon as one of them has."""

    def charge_with(*names: str, protection: float = 200.0) -> float:
        for name in names:
            say(bench, name, "SYST:LOCK ON", f"VOLT:PROT {protection}", "VOLT 150;CURR 5;POW 30kW", "OUTP ON")
        voltage = bench.world.outputs().voltage
        for name in names:
            say(bench, name, "OUTP OFF")
        return voltage

    bench = two_of_each(open_bench)
    one, both = charge_with("supply"), charge_with("supply", "second supply")
    assert both > one + 1.0
    for name in ("supply", "second supply"):
        say(bench, name, f"VOLT:PROT {(one + both) / 2:.2f}")
    for name in ("supply", "second supply"):
        say(bench, name, "OUTP ON")
    bench.world.advance(1)
    assert [say(bench, name, "OUTP?")[0] for name in ("supply", "second supply")] == ["OFF", "OFF"]


def test_a_defect_names_which_of_two(open_bench: OpenBench) -> None:
    bench = two_of_each(open_bench)
    bench.world.inject("wrong-identity:second load", "protection-latched:second supply")
    assert "X-9000" in say(bench, "second load", "*IDN?")[0]
    assert "X-9000" not in say(bench, "load", "*IDN?")[0]


def test_a_thermometer_is_where_it_is_told_to_be(open_bench: OpenBench) -> None:
    other = {"simulator": "weiss-simserv", "temperature": 45.0, "accuracy": 0.0}
    simulators = {
        "chamber": {"simulator": "weiss-simserv", "accuracy": 0.0},
        "load": other,
        "temperatures": {
            "simulator": "agilent-34970a", "channels": [101], "accuracy": 0.0,
            "places": {102: "air", 103: "air of load", 104: "cell 24"},
        },
    }  # fmt: skip
    bench = open_bench("supply", simulators=simulators)
    for message in ("CONF:TEMP TC,K,(@101:104)", "TEMP:TRAN:TC:CHEC ON,(@101:104)"):
        bench.say("temperatures", message)
    assert bench.numbers("temperatures", "READ?") == pytest.approx([25.0, 25.0, 45.0, 25.0])
    bench.world.inject("open-sensor:3")
    assert bench.numbers("temperatures", "READ?")[2] == 9.9e37
    assert bench.world.air_temperature == 25.0, "the cells stand in the first chamber"


def test_a_place_that_is_not_there_is_told(open_bench: OpenBench) -> None:
    places = {"temperatures": {"places": {102: "cell 25"}}}
    with pytest.raises(ValueError, match=r"channel 102 of temperatures is at 'cell 25', .*did you mean 'cell ") as told:
        open_bench("temperatures", overrides=places)
    assert "\n" not in str(told.value)


def test_of_two_contactors_both_must_be_closed(bring: Bring, open_bench: OpenBench, listen: Listen) -> None:
    bring(("acme-breaker", "BREAKER"))
    simulators = {
        "supply": {"simulator": "ea-psb10000"},
        "bms": {"simulator": "foxbms"},
        "load": {"simulator": "acme-breaker"},
    }
    bench = open_bench("supply", simulators=simulators)
    charge(bench, listen(bench))
    assert bench.world.outputs().battery == pytest.approx(2.0)
    bench.say("load", "open")
    bench.world.advance(1)
    assert bench.world.outputs().battery == 0.0
    assert bench.world.outputs().contactor is False


# ---- properties ----


def test_a_property_has_one_unit_and_one_value() -> None:
    properties = Properties()
    brought = properties.bring("insulation", "Ohm", by="bms", default=2e7)
    assert properties.see("insulation", "Ohm", by="tester", absent=1e9) is brought
    assert brought.value == 2e7
    properties.bring("insulation", "Ohm", by="tester", default=1e9, value=5e6)
    assert brought.value == 5e6
    with pytest.raises(ValueError, match="bms gives the property 'insulation' as 1000000 Ohm, tester as 5000000 Ohm"):
        properties.bring("insulation", "Ohm", by="bms", default=2e7, value=1e6)
    with pytest.raises(ValueError, match="tester knows the property 'insulation' in kOhm, another one in Ohm"):
        properties.see("insulation", "kOhm", by="tester", absent=0.0)


# ---- what is wrong ----


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (
            [("acme", "nowhere")],
            r"'acme' \(.*foreign:nowhere, of an unknown package\), which cannot be imported: Attr",
        ),
        ([("acme", "NOT_A_SIMULATOR")], "which is no Simulator: name an instance of it in the entry point"),
        ([("acme", "WRONG_NAME")], "which calls itself 'acme-other': both need one name"),
        ([("acme", "NO_PART"), ("acme", "NO_PART")], "an unknown package and an unknown package both register"),
        ([("acme", "WRONG_SETTINGS")], "whose settings are .*NoSettings.*: derive them from Settings"),
        ([("acme", "WRONG_KEY")], "whose settings have a key 'accuracy', which every simulator has already"),
        ([("acme", "WRONG_PORT")], "which has a port .*NoPort.*: the world knows classes derived from Port"),
        ([("acme", "WRONG_DEFECT")], "whose defect 'odd' cannot be read: .*<furlongs> where a unit"),
        ([("acme", "TWICE")], "which has the defect 'odd' twice"),
        ([("acme", "OTHER_FORM")], "has a defect 'surge:<supply>:<W>', and another one has 'surge:<supply>:<factor>'"),
        ([("acme", "NO_PART")], "'acme' builds a object, which is no Part of a world"),
        ([("acme", "NO_INSTRUMENT")], "'acme' is plugged into a line and no Instrument"),
        ([("acme", "UNDECLARED")], "'acme' has a port 'case' that it was not registered with"),
        ([("acme", "SECOND_EMULATOR")], r"virtual.simulators.load has a second emulator; a world has one"),
        ([("acme", "FALLS_OVER")], "'acme' cannot be built: ZeroDivisionError: division by zero"),
        ([("acme", "NO_BUS")], "load is registered for a line, so that it is on no bus: register it for CAN"),
        ([], "'acme', which nobody brings; allowed: agilent-34970a"),
    ],
)
def test_an_extension_that_is_wrong_is_told_in_one_sentence_and_nothing_is_plugged_in(
    bring: Bring, open_bench: OpenBench, entries: list[tuple[str, str]], says: str
) -> None:
    bring(*entries)
    before = exchange.exchanges()
    simulators = {"emulator": {"simulator": "ngi-n83624"}, "load": {"simulator": "acme"}}
    with pytest.raises(ValueError, match=says) as told:
        open_bench("supply", simulators=simulators)
    assert "\n" not in str(told.value)
    assert exchange.exchanges() == before


def test_a_name_of_ours_that_somebody_else_registers_is_refused(bring: Bring, open_bench: OpenBench) -> None:
    bring(("ea-psb10000", "LOAD"))
    with pytest.raises(ValueError, match="'ea-psb10000', which an unknown package and packbench both register"):
        open_bench("supply")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"test_voltage": 5000}, "virtual.simulators.load.test_voltage is 5000: input should be less than or equal"),
        ({"test_voltage": "high"}, "virtual.simulators.load.test_voltage is 'high': input should be a valid number"),
        ({"test_voltag": 500}, "unknown key 'test_voltag' in virtual.simulators.load; did you mean 'test_voltage'"),
        ({"accuracy": 2}, "virtual.simulators.load.accuracy is 2: input should be less than 1"),
        ({"leak": float("nan")}, "virtual.simulators.load.leak is nan: input should be a finite number"),
    ],
)
def test_wrong_settings_of_theirs_are_one_sentence(
    bring: Bring, open_bench: OpenBench, settings: dict[str, Any], says: str
) -> None:
    bring(("acme-it5000", "TESTER"))
    with pytest.raises(ValueError, match=says) as told:
        _tester_bench(open_bench, **settings)
    assert "\n" not in str(told.value)


def test_a_simulator_and_its_link_must_fit(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match="'foxbms' needs a can bus, and its instrument is at 'TCPIP::bms::1::SOCKET'"):
        open_bench("bms", links={"bms": "TCPIP::bms::1::SOCKET"})
    with pytest.raises(ValueError, match=r"'ea-psb10000' needs a resource, VISA or serial, .* at 'packbench:test'"):
        open_bench("supply", links={"supply": "packbench:test"})
