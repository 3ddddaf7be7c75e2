from typing import Any

import pytest


@pytest.fixture
def request_() -> dict[str, Any]:
    """The contract's own example, with a forecast of a day in which the evening is dear."""
    dear = [0.45 if 0 <= quarter < 16 else 0.15 for quarter in range(96)]
    return {
        "contract": 1, "time": "2026-01-12T18:00:00+01:00", "reason": "start",
        "car": {"plugged": True, "soc": 0.62, "cells": 6.5, "energy": 52000, "charge": 7000, "discharge": 7000},
        "charger": {"charge": 7400, "discharge": 7400, "least": 0, "efficiency": 0.93},
        "site": {"house": 430, "sun": 0, "import": 12000, "export": 12000},
        "trip": {"departure": "2026-01-13T07:30:00+01:00", "distance": 42, "road": "country"},
        "reserve": {"distance": 50, "road": "country"},
        "season": "paris-january", "model": "renault-5-class",
        "forecast": {"step": 900, "outside": [3.1], "house": [430], "sun": [0], "buy": dear,
                     "sell": [0.9 * price for price in dear]},
        "a key of tomorrow": None,
    }  # fmt: skip
