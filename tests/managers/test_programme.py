"""The linear programme beside another solver, from the same numbers written down once more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from managers.programme import MISSING, Case, Programme
from models.tables import Vector

STEPS = 6
EFFICIENCY = 0.9


def other_optimum(case: Case) -> float:
    """By scipy: stored energy is not a variable here but a sum, so that nothing is laid out as in the programme."""
    count, hours = STEPS, case.hours
    price = np.concatenate([
        np.zeros(count), np.full(count, case.wear / 1000 / EFFICIENCY), case.buy / 1000, -case.sell / 1000,
        np.full(count, MISSING),
    ])  # fmt: skip
    into = np.concatenate([np.full(count, EFFICIENCY), np.full(count, -1 / EFFICIENCY), np.zeros(3 * count)])
    price -= case.worth / 1000 * into
    below = np.tril(np.ones((count, count)))
    nothing = np.zeros((count, count))
    stored = np.hstack([EFFICIENCY * below, -below / EFFICIENCY, nothing, nothing, nothing])
    wanted = np.hstack([EFFICIENCY * below, -below / EFFICIENCY, nothing, nothing, np.eye(count)])
    least = np.concatenate([wanted, stored, -stored])
    bound = np.concatenate([
        case.floor - case.stored, np.full(count, -case.stored), np.full(count, case.stored - case.energy)
    ])  # fmt: skip
    balance = np.hstack([-np.eye(count), np.eye(count), np.eye(count), -np.eye(count), nothing])
    limits = [case.charge * hours, case.discharge * hours, np.full(count, case.imports) * hours,
              np.full(count, case.exports) * hours, np.full(count, np.inf)]  # fmt: skip
    done = linprog(
        price, A_ub=-least, b_ub=-bound, A_eq=balance, b_eq=case.net * hours,
        bounds=[(0, each) for each in np.concatenate(limits)],
    )  # fmt: skip
    assert done.success
    return float(done.fun) - case.worth / 1000 * case.stored


def series(low: float, high: float) -> st.SearchStrategy[Vector]:
    return st.lists(st.integers(round(low * 100), round(high * 100)), min_size=STEPS, max_size=STEPS).map(
        lambda values: np.array(values) / 100
    )


SHARED = Programme(STEPS, EFFICIENCY)
"""One for all cases, as a manager has it: what one case leaves behind must not show in the next."""


@settings(max_examples=60, deadline=None)
@given(
    buy=series(0.05, 0.6), sell=series(0.0, 0.5), net=series(-3000, 3000), floor=series(0, 30000),
    stored=st.integers(0, 40000), worth=st.integers(0, 40),
)  # fmt: skip
def test_the_cost_is_that_of_another_solver(
    buy: Vector, sell: Vector, net: Vector, floor: Vector, stored: int, worth: int
) -> None:
    case = Case(
        np.full(STEPS, 1.0), np.full(STEPS, 7000.0), np.full(STEPS, 7000.0), net, 9000.0, 9000.0, buy,
        np.minimum(sell, buy), floor, float(stored), 40000.0, 0.05, worth / 100,
    )  # fmt: skip
    plan = SHARED.solve(case)
    assert plan.cost == pytest.approx(other_optimum(case), rel=1e-6, abs=1e-6)


def test_what_cannot_be_reached_is_missing_and_no_reason_to_have_no_plan() -> None:
    none = np.zeros(STEPS)
    floor = np.full(STEPS, 30000.0)
    case = Case(
        np.full(STEPS, 1.0), np.full(STEPS, 1000.0), none, none, 500.0, 0.0, none + 0.3, none, floor, 10000.0, 40000.0,
        0.0, 0.0,
    )  # fmt: skip
    plan = SHARED.solve(case)
    assert plan.power.tolist() == pytest.approx([500.0] * STEPS)  # all that the connection carries
    assert plan.missing[-1] == pytest.approx(20000 - STEPS * 500 * EFFICIENCY)


def test_a_house_beyond_the_connection_leaves_a_plan() -> None:
    none = np.zeros(STEPS)
    case = Case(
        np.full(STEPS, 1.0), np.full(STEPS, 1000.0), none, none + 5000.0, 500.0, 0.0, none + 0.3, none, none, 10000.0,
        40000.0, 0.0, 0.0,
    )  # fmt: skip
    assert SHARED.solve(case).power.tolist() == pytest.approx([0.0] * STEPS)
