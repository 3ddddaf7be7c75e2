"""The table of the foxBMS node: a bench that meets the C code, a driver that does not do what it should, the rhythm."""

from types import MappingProxyType

import pytest

from instruments.drivers.foxbms import asking
from instruments.drivers.foxbms import node as driver
from instruments.drivers.foxbms.states import NEUTRAL, NodeState
from instruments.roles import BmsMode, BmsState
from truth import foxbms_c as referee
from truth import wheel
from truth.__main__ import main
from truth.tables import node

EVEN, LATE = [0.1001, 0.0999, 0.1043], [0.1, 0.1, 0.1062]


@pytest.fixture(scope="module")
def healthy() -> node.Ran:
    return node.short_charge()


def test_a_bench_that_meets_the_c_code_charges_and_passes(healthy: node.Ran) -> None:
    assert (healthy.verdict, healthy.blame) == ("PASS", "")
    assert healthy.codes == [
        referee.IDLE, referee.OPEN_CONTACTORS, referee.STANDBY, referee.PRECHARGE, referee.NORMAL,
        referee.OPEN_CONTACTORS, referee.STANDBY,
    ]  # fmt: skip
    assert not healthy.told.opened.closed


def test_every_trait_is_met(monkeypatch: pytest.MonkeyPatch, healthy: node.Ran) -> None:
    runs = {(): healthy}
    monkeypatch.setattr(node, "short_charge", _once(node.short_charge, runs))
    rows = node.rows()
    assert [row.cells[0] for row in rows if not row.reached] == []
    assert len(rows) == len(node.TRAITS) == len({row.cells[0] for row in rows})
    assert {row.cells[2] for row in rows} == {"PASS", "BENCH FAULT, blame: bench"}


def _once(run: object, runs: dict[object, node.Ran]) -> object:
    """The healthy run is made already."""
    return lambda *given, **options: runs[()] if not given and not options else run(*given, **options)  # type: ignore[operator]


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that waits for CHARGE and DISCHARGE, as the one of before did."""
    told = {
        BmsMode.STANDBY: frozenset[int](), BmsMode.CHARGE: frozenset({NodeState.CHARGE}),
        BmsMode.DISCHARGE: frozenset({NodeState.DISCHARGE}),
    }  # fmt: skip
    monkeypatch.setattr(asking, "STATES_OF_MODE", told)
    without = {**NEUTRAL, NodeState.NORMAL: BmsState.UNKNOWN}
    monkeypatch.setattr(driver, "NEUTRAL", without)
    monkeypatch.setattr(driver, "RECORDED", tuple(float(without[each]) for each in NodeState))


@pytest.mark.usefixtures("forgetful")
def test_a_driver_that_knows_no_normal_is_found_out() -> None:
    ran = node.short_charge()
    assert ran.verdict == "BENCH FAULT"
    row = node.TRAITS[0].row(ran)
    assert (row.reached, row.cells[-1]) == (False, "NO")


def test_a_driver_that_asks_too_late_is_found_out(healthy: node.Ran) -> None:
    late = node.short_charge(lambda number: 4 * number if number > node.SETTLED else 0)
    trait = next(each for each in node.TRAITS if each.found is node._evenly)
    assert trait.row(healthy).reached
    assert not trait.row(late).reached


@pytest.mark.parametrize(
    ("machine", "asked", "status", "word"),
    [(EVEN, EVEN, 0, "yes"), (EVEN, LATE, 1, "NO"), (LATE, LATE, 0, ""), (LATE, EVEN, 0, "yes")],
    ids=["even", "late", "a machine that is late itself", "in time all the same"],
)
def test_the_rhythm_has_a_goal_where_the_machine_itself_is_in_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], machine: list[float], asked: list[float],
    status: int, word: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(node, "rows", list)
    monkeypatch.setattr(wheel, "machine", lambda _seconds: machine)
    monkeypatch.setattr(wheel, "distances_beside", lambda what, _seconds: asked if what == wheel.IDLE else LATE)
    assert main(["node"]) == status
    lines = {line.split(" | ")[0].strip("| "): line for line in capsys.readouterr().out.splitlines()}
    assert lines[wheel.IDLE].endswith(f"| {word} |")
    assert lines[wheel.BUSY_CORE].endswith("| 1 |  |")


def test_a_bench_behind_the_table_has_its_own_simulator_again() -> None:
    from instruments.virtual.registry import simulator_named

    known = MappingProxyType({name: simulator_named(name) for name in ("foxbms", "ea-psb10000")})
    node.short_charge()
    assert {name: simulator_named(name) for name in known} == known
