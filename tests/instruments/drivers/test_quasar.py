"""The wall box as frames on a socket, written down by hand from the register profile."""

import socket
import struct
from collections.abc import Callable, Iterator
from math import inf, isnan, nan

import pytest

from instruments.drivers.quasar import Quasar
from instruments.roles import Charger, ChargerState, Instrument, InstrumentFault, Scanned, SetPointRejected
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import Serve

Said = tuple[str, str]
Open = Callable[..., Quasar]


def holds(address: int, *words: int) -> Said:
    """A question for registers and its answer."""
    data = "".join(f"{word & 0xFFFF:04X}" for word in words)
    return f"03 {address:04X} {len(words):04X}", f"03 {2 * len(words):02X} {data}"


def takes(address: int, word: int) -> Said:
    """A write and its answer."""
    message = f"06 {address:04X} {word & 0xFFFF:04X}"
    return message, message


def state(number: int) -> Said:
    return holds(537, number)


MOST = holds(514, 7400)
TAKEN = takes(81, 1), takes(82, 0), takes(83, 1)
REMOTE = (holds(81, 1, 0, 1),)


def kept(power: int) -> tuple[Said, Said]:
    return takes(260, power), holds(260, power)


START, STOP = takes(257, 1), takes(257, 2)


@pytest.fixture
def box(serve: Serve, context: LinkContext) -> Iterator[Open]:
    """A box that expects these messages to the byte, in this order, and answers each as it is told to."""
    opened: list[Quasar] = []
    wrong: list[bytes] = []
    left: list[int] = []

    def open_one(*script: Said, **options: object) -> Quasar:
        left.append(len(script))

        def behave(connection: socket.socket) -> None:
            for number, (question, answer) in enumerate(script, 1):
                asked, replied = (bytes.fromhex(text) for text in (question, answer))
                wanted = struct.pack(">HHHB", number, 0, len(asked) + 1, 1) + asked
                found = connection.recv(len(wanted), socket.MSG_WAITALL)
                if found != wanted:
                    wrong.append(found)
                    return
                left[-1] -= 1
                connection.sendall(struct.pack(">HHHB", number, 0, len(replied) + 1, 1) + replied)
            wrong.extend(filter(None, [connection.recv(100)]))

        link = InstrumentLink(f"tcp://127.0.0.1:{serve(behave).port}", gap=0.0)
        opened.append(Quasar.open(link, context, "box", options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
    assert (wrong, sum(left)) == ([], 0)


def test_it_plays_its_roles(box: Open) -> None:
    for role in (Instrument, Scanned, Charger):
        assert isinstance(box(), role)


def test_it_tells_its_firmware_and_a_serial_number_of_two_words(box: Open) -> None:
    identity = box(holds(1, 512, 0x0001, 0xE240), MOST).identify()
    assert (identity.manufacturer, identity.model) == ("Wallbox", "Quasar")
    assert (identity.serial_number, identity.firmware) == ("123456", "512")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((0x1CE8, 1, 55), (7400.0, ChargerState.CHARGING, 0.55)),
        ((0xE318, 11, 100), (-7400.0, ChargerState.DISCHARGING, 1.0)),
        ((0xFFFF, 11, 1), (-1.0, ChargerState.DISCHARGING, 0.01)),
        ((0x8000, 11, 1), (-32768.0, ChargerState.DISCHARGING, 0.01)),
        ((0, 4, 0), (0.0, ChargerState.PAUSED, nan)),
        ((0, 9, 101), (0.0, ChargerState.ERROR, nan)),
        ((0, 10, 50), (0.0, ChargerState.QUEUED, 0.5)),
        ((0, 77, 50), (0.0, ChargerState.UNKNOWN, 0.5)),
    ],
)
def test_a_scan_is_signed_power_state_and_charge(
    box: Open, words: tuple[int, int, int], found: tuple[float, ChargerState, float]
) -> None:
    driver = box(holds(526, words[0]), holds(537, *words[1:]))
    driver.request()
    power, asked, shown, charge = driver.collect()
    assert (power, shown) == found[:2]
    assert charge == pytest.approx(found[2], nan_ok=True)
    assert isnan(asked)


def test_control_is_taken_the_set_point_kept_then_it_is_started(box: Open) -> None:
    driver = box(MOST, state(4), holds(81, 0, 1, 0), *TAKEN, holds(81, 1), *kept(-3000), START)
    driver.set_grid_power(-3000.0)


@pytest.mark.parametrize(
    ("now", "power", "then"), [(1, -2000, ()), (11, 2000, ()), (2, 2000, (START,)), (1, 0, (STOP,)), (4, 0, ())]
)
def test_it_is_started_and_stopped_only_where_it_has_to_be(
    box: Open, now: int, power: int, then: tuple[Said, ...]
) -> None:
    box(MOST, state(now), *REMOTE, *kept(power), *then).set_grid_power(float(power))


SCAN = holds(526, 0)


@pytest.mark.parametrize(
    ("now", "power", "then"), [(1, -2000, ()), (2, 2000, (START,)), (1, 0, (STOP,)), (4, 0, ()), (4, 2000, (START,))]
)
def test_a_set_point_behind_a_scan_does_not_ask_again_what_that_has_told(
    box: Open, now: int, power: int, then: tuple[Said, ...]
) -> None:
    """One message less between a manager's set point and the power."""
    driver = box(SCAN, holds(537, now, 50), MOST, *REMOTE, *kept(power), *then)
    driver.request()
    driver.collect()
    driver.set_grid_power(float(power))


def test_what_a_scan_has_told_is_known_no_more_once_something_was_commanded(box: Open) -> None:
    """It was charging as it was scanned, and is not since it was stopped: it has to be started."""
    off = (STOP, takes(260, 0))
    again = (state(4), *REMOTE, *kept(2000), START)
    driver = box(SCAN, holds(537, 1, 50), *off, MOST, *again, state(1), *REMOTE, *kept(3000))
    driver.request()
    driver.collect()
    driver.charger_off()
    driver.set_grid_power(2000.0)
    driver.set_grid_power(3000.0)


def test_who_is_refused_by_a_scanned_state_may_ask_again(box: Open) -> None:
    driver = box(SCAN, holds(537, 0, 0), MOST, state(4), *REMOTE, *kept(2000), START)
    driver.request()
    driver.collect()
    with pytest.raises(InstrumentFault, match="no car is plugged in"):
        driver.set_grid_power(2000.0)
    driver.set_grid_power(2000.0)


def test_minus_zero_is_zero_on_the_wire_and_in_the_record(box: Open) -> None:
    driver = box(MOST, state(4), *REMOTE, *kept(0), holds(526, 0), holds(537, 4, 50))
    driver.set_grid_power(-0.0)
    driver.request()
    assert str(driver.collect()[1]) == "0.0"


@pytest.mark.parametrize(
    ("power", "told"),
    [
        (7401.0, "outside -7400 to 7400 W"), (-7401.0, "outside"), (nan, "outside"), (40_000.0, "outside"),
        (1000.0, "less than the 1380 W that it can do"), (-1379.0, "less than the 1380 W"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_not_sent(box: Open, power: float, told: str) -> None:
    with pytest.raises(SetPointRejected, match=f"box: grid power .*{told}.*nothing was sent"):
        box(MOST).set_grid_power(power)


def test_its_installation_may_let_it_take_less_and_a_word_holds_no_more(box: Open) -> None:
    for word in (3700, -3700):
        driver = box(holds(1, 512, 0, 1), holds(514, word))
        driver.identify()
        assert (driver.charger_ratings.charge, driver.charger_ratings.discharge) == (3700.0, 3700.0)
    wide = box(holds(514, 32767), charge=60_000.0, discharge=60_000.0)
    with pytest.raises(SetPointRejected, match="nothing was sent"):
        wide.set_grid_power(32768.0)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ((state(0),), "box says that no car is plugged in"),
        ((state(6),), "box says that no car is plugged in"),
        ((state(7), holds(539, 0, 0x0100, 0, 0)), r"box is in error \(error registers 0000 0100 0000 0000\)"),
        (
            (state(4), holds(81, 0, 1, 0), takes(81, 1), takes(82, 0), takes(83, 1), holds(81, 0)),
            "box stays under control",
        ),
        ((state(4), *REMOTE, takes(260, 3000), holds(260, 0)), "box kept grid power at 0 W when 3000 W was sent"),
    ],
)
def test_a_box_that_will_not_is_named(box: Open, script: tuple[Said, ...], told: str) -> None:
    with pytest.raises(InstrumentFault, match=told):
        box(MOST, *script).set_grid_power(3000.0)


def test_off_is_said_twice_over_and_forgets_what_was_asked(box: Open) -> None:
    script = (MOST, state(1), *REMOTE, *kept(3000), STOP, takes(260, 0), holds(526, 0), holds(537, 4, 0))
    driver = box(*script)
    driver.set_grid_power(3000.0)
    driver.charger_off()
    driver.request()
    assert isnan(driver.collect()[1])


def test_a_refused_stop_does_not_keep_the_power_from_being_taken_back(box: Open) -> None:
    with pytest.raises(InstrumentFault, match="exception 3"):
        box(("06 0101 0002", "86 03"), takes(260, 0)).charger_off()


@pytest.mark.parametrize(
    ("now", "power", "off"), [(4, 0, True), (0, 30, True), (4, 60, False), (1, 0, False), (11, -9, False)]
)
def test_off_is_a_state_and_no_power_and_else_it_is_told_again(box: Open, now: int, power: int, off: bool) -> None:
    asked = (state(now),) if now in {1, 11} else (state(now), holds(526, power))
    again = () if off else (takes(81, 1), STOP, takes(260, 0))
    assert box(*asked, *again).charger_is_off() is off


def test_a_box_under_its_user_s_control_is_taken_over_before_its_idle_timeout_is_armed(box: Open) -> None:
    """It would ignore that register without a word."""
    script = (holds(81, 0, 1, 0), *TAKEN, holds(81, 1), takes(88, 13), holds(88, 13))
    assert box(*script).arm_watchdog(13.0) == 13.0


def test_its_idle_timeout_is_armed_in_whole_seconds_and_read_back(box: Open) -> None:
    assert box(*REMOTE, takes(88, 13), holds(88, 13)).arm_watchdog(12.2) == 13.0
    with pytest.raises(SetPointRejected, match="box kept idle timeout at 0 s when 13 s was sent"):
        box(*REMOTE, takes(88, 13), holds(88, 0)).arm_watchdog(13.0)
    for beyond in (4000.0, inf, nan):
        with pytest.raises(SetPointRejected, match="outside 1 to 3600 s; nothing was sent"):
            box().arm_watchdog(beyond)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"unit": 0}, "unit 0 is outside 1 to 247"),
        ({"charge": -7400.0}, r"charge -7400\.0 is no rating; give a number above 0, in W"),
        ({"efficiency": 94.0}, r"efficiency 94\.0 is outside 0 to 1; give 0\.94 for 94 %"),
        ({"least": 8000.0}, "least 8000.0 is outside 0 to its ratings"),
        ({"dead_time": nan}, "dead_time nan is no time"),
        ({"power": 1.0}, "Quasar has no option 'power'"),
    ],
)
def test_a_wrong_option_is_refused(box: Open, options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=f"box: {told}"):
        box(**options)
