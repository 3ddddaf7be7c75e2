"""The wound-rotor motor: its equations again, written by the referee, at currents that he draws."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vehicle.motor import RPM, WOUND_ROTOR, loss_map, rewound, with_fixed_excitation, with_magnets

MAP = loss_map(WOUND_ROTOR)


def lost(torque: float, rpm: float) -> float:
    return float(MAP.losses(np.array(torque), np.array(rpm * RPM)))


# Nm, rpm, W: a loss-minimal search over the same machine by another program, with losses it assumed of its own.
SEARCHED_BEFORE = [
    (0, 9000, 363), (15, 9000, 540), (25, 9000, 692), (30, 3000, 265), (100, 3000, 735), (35, 9000, 945),
]  # fmt: skip


@pytest.mark.parametrize(("torque", "rpm", "watts"), SEARCHED_BEFORE)
def test_losses_are_those_of_another_search(torque: float, rpm: float, watts: float) -> None:
    assert lost(torque, rpm) == pytest.approx(watts, rel=0.08)


def by_the_equations(excitation: float, d: float, q: float, speed: float) -> tuple[float, float, float]:
    """Torque (Nm), loss (W) and voltage (V) of the published machine at these currents; nothing of ours is used."""
    rs, re, ld, lq, lm, pairs = 15.55e-3, 7.2e-3, 1.66e-3, 0.35e-3, 1.589e-3, 3
    flux_d, flux_q, electrical = ld * d + lm * excitation, lq * q, pairs * speed
    torque = 1.5 * pairs * (flux_d * q - flux_q * d)
    amplitude = sqrt(d * d + q * q)
    m = WOUND_ROTOR
    loss = 1.5 * rs * amplitude**2 + 1.1 * re * excitation**2 + m.inverter[0] * amplitude + m.inverter[1] * amplitude**2
    loss += m.iron * electrical**1.5 * (flux_d**2 + flux_q**2) + m.friction * speed**2
    volts = sqrt((rs * d - electrical * flux_q) ** 2 + (rs * q + electrical * flux_d) ** 2)
    return torque, loss, volts


@given(st.floats(1.0, 165.0), st.floats(-340.0, 170.0), st.floats(0.0, 330.0), st.floats(0.0, 12000.0))
def test_nobody_finds_currents_that_lose_less(excitation: float, d: float, q: float, rpm: float) -> None:
    torque, loss, volts = by_the_equations(excitation, d, q, rpm * RPM)
    allowed = volts <= 320 / sqrt(3) and d * d + q * q <= 340**2
    if not (allowed and 0.0 <= torque <= 245.0):
        return
    # Between its points the map is a straight line, where a grid of currents is no continuum: 4 % and 12 W.
    assert lost(torque, rpm) <= 1.04 * loss + 12.0


@given(st.floats(0.0, 200.0), st.floats(500.0, 9000.0))
def test_an_excitation_that_is_free_never_loses_more_than_one_that_is_fixed(torque: float, rpm: float) -> None:
    for excitation in (60.0, 110.0, 165.0):
        fixed = loss_map(with_fixed_excitation(excitation))
        point = np.array(torque), np.array(rpm * RPM)
        if fixed.can(*point) and MAP.can(*point):
            assert lost(torque, rpm) <= 1.02 * float(fixed.losses(*point)) + 8.0


@pytest.mark.parametrize("magnet", [70.0, 115.0, 150.0])
def test_coasting_costs_magnets_more(magnet: float) -> None:
    """At 9000 rpm a field that cannot be taken away must be held down: the gain has this sign against each of them."""
    assert lost(0.0, 9000) < float(loss_map(with_magnets(magnet)).losses(np.array(0.0), np.array(9000 * RPM)))


def test_the_sign_of_the_gain_depends_on_the_comparator() -> None:
    at = np.array(100.0), np.array(3000 * RPM)
    small, large = loss_map(with_magnets(70.0)), loss_map(with_magnets(150.0))
    assert float(large.losses(*at)) < lost(100, 3000) < float(small.losses(*at))


def test_excitation_follows_the_operating_point() -> None:
    def excitation(torque: float, rpm: float) -> float:
        row, column = np.abs(MAP.torque - torque).argmin(), np.abs(MAP.speed - rpm * RPM).argmin()
        return float(MAP.excitation[row, column])

    assert excitation(0, 9000) <= 6.0
    assert excitation(30, 3000) < excitation(100, 3000) < excitation(240, 3000)
    assert excitation(240, 3000) == pytest.approx(165, abs=4)


def test_beyond_what_it_has_a_motor_cannot() -> None:
    can = MAP.can(np.array([100.0, 250.0, 250.0, 10.0]), np.array([2000.0, 1000.0, 9000.0, 13000.0]) * RPM)
    assert can.tolist() == [True, True, False, False]
    assert MAP.most[0] == 250.0
    assert np.all(np.diff(MAP.most) <= 0.0)


def test_fewer_turns_give_more_power() -> None:
    few = loss_map(rewound(0.65))
    power = [float((each.most * each.speed).max()) for each in (MAP, few)]
    assert power[1] == pytest.approx(power[0] / 0.65, rel=0.05)
    assert float((loss_map(rewound(1.0)).loss - MAP.loss).max()) == 0.0


def test_generating_costs_what_motoring_costs() -> None:
    assert lost(-50, 4000) == lost(50, 4000) == lost(50, -4000)
