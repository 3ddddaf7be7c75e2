"""The test cases of a managed car, as far as they can be looked at without a bench."""

from typing import Any

import pytest

from packbench import Manage
from test_cases.test_managed import test_price_of_giving_back as price_of_giving_back


class Asked(Exception):
    """The steps are known: nobody runs them."""


def steps_for(number_of_days: float) -> list[Manage]:
    """What the comparison asks a bench for."""
    found = list[Any]()

    def run_scenario(*steps: Any) -> Any:
        found.extend(steps)
        raise Asked

    with pytest.raises(Asked):
        price_of_giving_back(run_scenario, None, "reference", number_of_days)  # type: ignore[arg-type]
    return [step for step in found if isinstance(step, Manage)]


@pytest.mark.parametrize(("said", "compared"), [(1.0, 2.0), (2.0, 2.0), (7.0, 7.0)])
def test_giving_back_is_compared_over_the_days_that_were_said_and_two_at_least(said: float, compared: float) -> None:
    giving, keeping = steps_for(said)
    assert (giving.gives, keeping.gives) == (True, False)
    assert giving.days is keeping.days
    assert giving.days.duration == pytest.approx(compared * 86400)
