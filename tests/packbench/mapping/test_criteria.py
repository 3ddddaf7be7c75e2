"""What a map is judged by: by hand, and the uncertainty of a ratio against a draw of many."""

from math import isnan, nan, sqrt

import numpy as np
import pytest

from bench.pack import PackFile, load_pack
from bench.verdicts import Verdict
from packbench.mapping import criteria
from packbench.mapping.criteria import Criterion
from packbench.mapping.outcome import FieldResult
from tests.packbench.mapping.outcomes import cannot, done, failed

SHIPPED = load_pack("lfp-vehicle")[0]


def pack(**requirements: float) -> PackFile:
    """A pack that requires this alone of a map, in the unit of the figure."""
    named = {key.replace("_", " "): {"": {25.0: limit}} for key, limit in requirements.items()}
    kept = {"DC resistance": SHIPPED.requirements["DC resistance"]} if "DC resistance" in SHIPPED.requirements else {}
    return SHIPPED.model_copy(update={"requirements": kept | named})


def found(of: PackFile, *outcomes: FieldResult) -> dict[str, Criterion]:
    return {each.measurement.name: each for each in criteria.criteria(of, outcomes)}


def test_the_spread_is_the_longest_over_the_shortest_with_both_uncertainties() -> None:
    judged = found(pack(), done("urban", minutes=30, uncertainty=1.5), done("country", minutes=36, uncertainty=0.9))
    spread = judged["charge time spread"].measurement
    assert spread.value == pytest.approx(1.2)
    assert spread.uncertainty == pytest.approx(1.2 * sqrt((0.9 / 36) ** 2 + (1.5 / 30) ** 2))
    assert judged["charge time spread"].where == "country in oslo-winter@7 against urban in oslo-winter@7"


def test_the_spreads_uncertainty_is_what_a_draw_of_many_has() -> None:
    shortest, longest = (1700.0, 85.0), (2300.0, 60.0)
    chance = np.random.default_rng(0)
    drawn = chance.normal(*longest, 200_000) / chance.normal(*shortest, 200_000)
    judged = criteria.spread([
        done(minutes=value / 60, uncertainty=spread / 60) for value, spread in (shortest, longest)
    ])  # fmt: skip
    assert judged.value == pytest.approx(float(np.median(drawn)), rel=0.005)
    assert judged.uncertainty == pytest.approx(float(drawn.std()), rel=0.03)


@pytest.mark.parametrize(("limit", "verdict"), [(1.3, "PASS"), (1.1, "FAIL"), (1.21, "INCONCLUSIVE")])
def test_a_spread_is_judged_by_what_the_pack_requires_and_within_its_uncertainty_by_nobody(
    limit: float, verdict: str
) -> None:
    outcomes = done("urban", minutes=30, uncertainty=0.5), done("country", minutes=36, uncertainty=0.5)
    assert found(pack(charge_time_spread=limit), *outcomes)["charge time spread"].verdict == verdict


def test_the_longest_is_the_worst_field_and_never_a_mean() -> None:
    outcomes = [done(road, minutes=minutes) for road, minutes in (("a", 20.0), ("b", 21.0), ("c", 55.0))]
    judged = found(pack(longest_charge_time=50 * 60.0), *outcomes)["longest charge time"]
    assert (judged.measurement.value, judged.where, judged.verdict) == (55 * 60, "c in oslo-winter@7", "FAIL")


def test_the_margin_is_the_lowest_and_the_derating_the_largest_of_all() -> None:
    fields = [done("a", margin=3.0, derating=0.0), done("b", margin=-2.5, derating=4.0), done("c", margin=nan)]
    judged = found(pack(plating_margin=0.0, derating=1.0), *fields)
    assert [(judged[key].measurement.value, judged[key].where, judged[key].verdict) for key in
            ("plating margin", "derating")] == [
        (-2.5, "b in oslo-winter@7", "FAIL"), (4.0, "b in oslo-winter@7", "FAIL"),
    ]  # fmt: skip


def test_a_margin_that_nobody_knows_is_neither_kept_nor_missed() -> None:
    judged = found(pack(plating_margin=0.0), done("a", margin=nan), done("b", margin=nan))["plating margin"]
    assert (judged.where, judged.bounded) == ("not known", False)
    assert isnan(judged.measurement.value)


def test_a_recharge_that_never_got_there_leaves_no_spread_and_is_the_longest() -> None:
    of = pack(charge_time_spread=2.0, longest_charge_time=3600.0)
    judged = found(of, done("a", minutes=20), done("b", minutes=22), failed("c"))
    for key in ("charge time spread", "longest charge time"):
        assert judged[key].verdict is Verdict.FAIL
        assert judged[key].where == "c in oslo-winter@7 never got there"


@pytest.mark.parametrize(
    "other", [cannot("c"), failed("c", verdict="BENCH FAULT"), done("c", minutes=90, off=-2.1, scale=0.1)]
)
def test_what_a_pack_is_not_made_for_a_failed_bench_and_a_pack_of_another_heat_say_nothing_of_times(
    other: FieldResult,
) -> None:
    of = pack(charge_time_spread=1.2, longest_charge_time=1800.0)
    judged = found(of, done("a", minutes=20), done("b", minutes=22), other)
    assert judged["charge time spread"].measurement.value == pytest.approx(1.1)
    assert judged["longest charge time"].verdict is Verdict.PASS


def test_of_one_time_there_is_no_spread_and_it_is_not_missed() -> None:
    of = pack(charge_time_spread=1.2, longest_charge_time=1800.0)
    for outcomes in ([done()], [cannot()], []):
        judged = found(of, *outcomes)
        assert not judged["charge time spread"].bounded
        assert judged["longest charge time"].bounded is bool(criteria.timed(outcomes))


@pytest.mark.parametrize(("off", "scale", "known"), [
    (2.0, 0.1, True), (-2.0, 0.1, True), (2.01, 0.1, False), (nan, 0.1, False), (9.0, 0.5, True), (nan, 0.97, True),
])  # fmt: skip
def test_a_small_pack_is_compared_only_within_two_kelvin_of_a_cars(off: float, scale: float, known: bool) -> None:
    assert done(off=off, scale=scale).time.known is known


def test_a_gain_is_the_time_won_against_the_same_field_without() -> None:
    plain, other = done("a", minutes=40, uncertainty=3.0), done("b", minutes=30)
    warm = done("a", minutes=34, uncertainty=4.0, warm=True, conditioning=900.0)
    (gain,) = criteria.gains([plain, other, warm, failed("b", warm=True)])
    assert (gain.won.value, gain.won.uncertainty, gain.cost.value) == (6 * 60, 5 * 60, 900.0)


def test_a_gain_of_nothing_and_a_loss_are_gains_too() -> None:
    fields = [done(road, warm=warm, minutes=minutes) for road, warm, minutes in
              (("a", False, 30.0), ("a", True, 30.0), ("b", False, 30.0), ("b", True, 33.0))]  # fmt: skip
    assert [each.won.value for each in criteria.gains(fields)] == [0.0, -180.0]


def test_every_shipped_pack_of_a_car_has_a_limit_for_its_map() -> None:
    for name in ("lfp-vehicle", "nmc811-vehicle", "lnmo-vehicle", "li-metal-vehicle"):
        of = load_pack(name)[0]
        judged = found(of, done("a", minutes=20), done("b", minutes=22))
        assert judged["charge time spread"].bounded, name
        assert judged["longest charge time"].bounded, name
