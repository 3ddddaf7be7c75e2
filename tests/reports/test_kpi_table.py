"""Every KPI that is shipped, as a report and a pack file know it: the whole table, in the data beside this file.

What a KPI computes is tested in `test_kpi.py`; that nobody's symbol, unit, sense, span or columns moved by accident is
tested here. A key that changes is one that pack files do not find any more.
"""

import csv
from inspect import signature
from pathlib import Path

from reports.kpi import KpiFunction, found

CHARGERS = """
    set-point settling time; set-point dead time; grid power error; grid power bias; reserve activation time;
    frequency insensitivity; reserve delivered; supply served; supply restart time; grid round-trip efficiency;
    power without a link; frequency response time; frequency response error; droop error; decay of swings;
    longest sample interval; standby power; demands met; reserve tracking error; reserve on offer; supply trips;
    frequency answer error; ramp following error; ramp delay; ramp settling time
"""
MANAGERS = """
    price of giving back; more energy through the pack; warnings that came late; turns of the power;
    rest below the reserve; discharged below the reserve; departures not kept; manager failures; energy cost;
    energy given back; answers that look like kW
"""
COUNTS = """
    supply trips; warnings that came late; turns of the power; departures not kept; departures missed by the pack;
    manager failures; answers that look like kW
"""
TABLE = Path(__file__).with_name("tables") / "kpis.csv"


def line(each: KpiFunction[...]) -> dict[str, str]:
    """One KPI as a line of the table; limits of a requirement in its unit."""
    return {
        "function": each.__name__,
        "key": each.key,
        "name": each.name,
        "symbol": each.symbol,
        "unit": each.unit,
        "sense": each.sense,
        "steps": str(each.steps),
        "columns": "; ".join(each.columns),
        "also": "; ".join(each.also),
        "span": "{:g} to {:g}".format(*each.span),
    }


def test_every_kpi_is_known_by_what_the_table_says() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        assert [line(each) for each in found().kpis] == list(csv.DictReader(file))


def test_no_two_kpis_that_are_shipped_have_a_key_in_common() -> None:
    """A limit on it would be held against the first of them, whichever that is."""
    keys = [key for each in found().kpis for key in each.examples()]
    assert len(keys) == len(set(keys))
    assert [sum(bool(each.named(key)) for each in found().kpis) for key in keys] == [1] * len(keys)


def test_a_kpi_that_is_asked_with_nothing_else_is_asked_with_these_numbers() -> None:
    """A pack file that requires a charge time without saying which means one from 10 to 80 %."""
    asked = {
        each.__name__: {
            name: given.default
            for name, given in signature(each.function).parameters.items()
            if given.default != given.empty
        }
        for each in found().kpis
    }
    times = (
        "charge_time",
        "charge_time_by_charge",
        "charge_time_spread",
        "longest_charge_time",
    )
    assert {name: numbers for name, numbers in asked.items() if numbers} == {
        **{name: {"start": 0.1, "stop": 0.8} for name in times}, "dc_resistance": {"at": 10.0},
    }  # fmt: skip


def test_a_limit_that_is_missed_is_the_failure_of_whoever_the_figure_is_of() -> None:
    """A charger's or a manager's failure must never become the pack's: every figure that is not the pack's, by key."""
    not_the_packs = {each.key: each.subject for each in found().kpis if each.subject != "pack"}
    expected = {"charger": CHARGERS, "manager": MANAGERS}
    assert not_the_packs == {
        key: subject for subject, keys in expected.items() for key in " ".join(keys.split()).split("; ")
    }


def test_what_counts_is_exact_and_what_is_held_against_a_specimen_is_told_by_how_much() -> None:
    """A number of departures has no uncertainty, and no other figure is without one; by key."""
    assert {each.key for each in found().kpis if each.counts} == set(" ".join(COUNTS.split()).split("; "))
    assert {each.key: each.specimen for each in found().kpis if each.specimen is not None} == {
        "{way:charge|discharge} capacity": 0.03, "dc resistance {at:g} s": 0.2,
    }  # fmt: skip
