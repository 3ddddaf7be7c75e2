"""What a manager knows that its wire does not tell it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from managers.contract import ContractError, read
from managers.home import Home, Sight
from managers.reference import Reference

NOW = datetime(2026, 1, 12, 18, tzinfo=UTC)
SIGHT = Sight(
    time=NOW, reason="start", plugged=True, soc=0.4, energy=52000.0, charge=7400.0, discharge=7400.0, takes=7000.0,
    gives=7000.0, cells=10.0,
)  # fmt: skip


def decided(home: Home, sight: Sight) -> dict[str, Any]:
    return Reference().decide(home.request(sight))


def test_what_a_wire_tells_is_a_request_of_the_contract() -> None:
    request = read(Home().request(SIGHT))
    assert (request.soc, request.energy, request.charge, request.car_charge) == (0.4, 52000, 7400, 7000)
    assert (request.time, request.plugged, request.cells) == (NOW, True, 10)


def test_a_car_of_which_nobody_says_when_it_leaves_is_filled_as_soon_as_it_can_be() -> None:
    assert decided(Home(), SIGHT)["power"] == 7400
    assert decided(Home(), replace(SIGHT, soc=0.98))["power"] == 7400


def test_a_departure_that_the_wire_tells_is_kept_with_what_is_wanted_then() -> None:
    leaves = NOW + timedelta(hours=2)
    late = replace(SIGHT, leaves=leaves, wanted=0.9 * 52000, kept=0.2 * 52000)
    early = replace(late, wanted=0.3 * 52000, leaves=NOW + timedelta(hours=12))
    assert decided(Home(), late)["power"] == 7400
    assert decided(Home(), early)["power"] < 7400
    request = read(Home().request(late))
    assert request.trip is not None
    assert request.trip.departure == leaves
    # Kilometres in between: of what is wanted, as far as a pack gives it that cold, a good half of a charge remains.
    assert 150 < request.trip.distance < 300
    assert 30 < request.reserve < 80


def test_what_its_owner_tells_goes_before_what_it_assumes(tmp_path: Path) -> None:
    dear = [0.5] * 8 + [0.1] * 88
    told = {
        "trip": {"departure": "2026-01-13T07:30:00+00:00", "distance": 20, "road": "country"},
        "reserve": {"distance": 20, "road": "country"},
        "forecast": {"step": 900, "outside": [5], "house": [400], "sun": [0], "buy": dear, "sell": dear},
    }  # fmt: skip
    path = tmp_path / "home.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    assert decided(Home.of(str(path)), replace(SIGHT, soc=0.8))["power"] < 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "no JSON"), ("[1]", "give an object"), (None, "cannot be read"),
        ('{"prices": []}', "prices is no key of a home; there are site"),
        ('{"reserve": 50}', r"home\.json: reserve: 50; give an object\."),
        ('{"reserve": {"distance": -1, "road": "country"}}', "reserve.distance: -1; give 0 to"),
        ('{"reserve": {"distance": 50}}', "reserve.road is missing"),
        ('{"trip": {"departure": "7:30", "distance": 42, "road": "urban"}}', "give a time in ISO 8601 with its offset"),
        ('{"forecast": {"buy": [0.2]}}', "forecast.step is missing"),
        ('{"forecast": {"step": 900, "outside": [], "house": [1], "sun": [0], "buy": [1], "sell": [1]}}', "outside: "),
        ('{"site": {"house": "500 W", "sun": 0, "import": 9000, "export": 9000}}', "site.house: '500 W'; give a"),
        ('{"model": "renault-6-class"}', r"home\.json: no car 'renault-6-class' \(nearest: renault-5-class\)"),
        ('{"reserve": {"distance": 50, "road": "cuntry"}}', r"home\.json: no road 'cuntry' \(nearest: country\)"),
        (
            '{"trip": {"departure": "2026-01-12T07:30:00+01:00", "distance": 42, "road": "x"}}',
            r"home\.json: no road 'x'",
        ),
        ('{"model": ""}', "model: ''; give a text"), ('{"site": NaN}', "NaN is no number of JSON"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_home_is_told_in_one_sentence(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "home.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ContractError, match=why):
        Home.of(str(path))


def test_a_home_that_says_nothing_and_one_that_knows_of_no_trip_are_homes(tmp_path: Path) -> None:
    path = tmp_path / "home.json"
    path.write_text("{}", encoding="utf-8")
    assert Home.of(str(path)) == Home()
    path.write_text('{"trip": null}', encoding="utf-8")
    assert read(Home.of(str(path)).request(SIGHT)).trip is None


def test_what_is_wanted_beside_a_reserve_of_its_owners_is_a_trip_of_what_is_left() -> None:
    home = Home({"reserve": {"distance": 60, "road": "urban"}})
    leaving = replace(SIGHT, leaves=NOW + timedelta(hours=9), wanted=0.9 * 52000, kept=0.2 * 52000)
    alone, beside = (
        read(each.request(leaving)).trip for each in (Home({"reserve": {"distance": 0, "road": "urban"}}), home)
    )
    assert read(home.request(leaving)).reserve == 60
    assert alone is not None
    assert beside is not None
    assert beside.distance == pytest.approx(alone.distance - 60)
    little = read(home.request(replace(leaving, wanted=0.01 * 52000))).trip
    assert little is not None
    assert little.distance == 0


def test_a_departure_of_which_nobody_says_what_it_needs_needs_a_full_car() -> None:
    request = read(Home().request(replace(SIGHT, leaves=NOW + timedelta(hours=9))))
    assert request.trip is not None
    assert (request.trip.departure, request.trip.distance) == (NOW + timedelta(hours=9), 1000)
