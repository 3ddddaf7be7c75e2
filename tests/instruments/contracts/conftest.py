"""The driver that a contract runs on."""

from collections.abc import Iterator

import pytest

from tests.instruments.contracts.stand import Stand, opened


@pytest.fixture
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """A driver and its simulator on one of the wires; see `on_both_wires`."""
    case, wire = request.param
    with opened(case, wire) as found:
        try:
            yield found
        finally:
            found.driver.close()
