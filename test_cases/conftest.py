"""Fixtures of the test cases."""

import pytest

from packbench import StationFile


@pytest.fixture
def rated(station: StationFile) -> float:
    """W at the AC side that the charger can do both ways."""
    charger = station.charger
    assert charger is not None, f"station {station.name} names no charger at its AC side"
    return min(charger.charge, charger.discharge)
