"""A central system that answers, for every test of the station."""

from collections.abc import Iterator

import pytest

from tests.bench.managing.central import Central, central


@pytest.fixture
def system() -> Iterator[Central]:
    with central() as found:
        yield found
