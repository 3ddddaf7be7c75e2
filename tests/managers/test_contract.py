"""A request of the contract: read as it is written, or refused by the key that is wrong."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from managers.contract import MOST, SERIES, ContractError, parsed, read


def refusal(content: object) -> str:
    with pytest.raises(ContractError) as caught:
        read(content)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def changed(request: dict[str, Any], place: str, value: object) -> dict[str, Any]:
    """The request with another value at a place as the sentences call it, `car.soc`; it is left out for `...`."""
    copy: dict[str, Any] = json.loads(json.dumps(request))
    *sections, key = place.split(".")
    inner = copy
    for section in sections:
        inner = inner[section]
    inner.pop(key)
    if value is not ...:
        inner[key] = value
    return copy


def places(content: dict[str, Any], before: str = "") -> list[str]:
    found = []
    for key, value in content.items():
        found.append(f"{before}{key}")
        found += places(value, f"{before}{key}.") if isinstance(value, dict) else []
    return found


def test_what_is_written_is_read(request_: dict[str, Any]) -> None:
    found = read(request_)
    assert found.time.isoformat() == request_["time"]
    assert (found.soc, found.cells, found.energy, found.car_charge) == (0.62, 6.5, 52000, 7000)
    assert (found.charge, found.least, found.efficiency, found.imports) == (7400, 0, 0.93, 12000)
    assert found.trip is not None
    assert (found.trip.distance, found.trip.road, found.reserve, found.reserve_road) == (42, "country", 50, "country")
    assert list(found.forecast["buy"]) == request_["forecast"]["buy"]


@pytest.mark.parametrize("place", ["car.soc", "car.cells", "site.house", "site.sun", "trip"])
def test_what_may_be_unknown_is_null(request_: dict[str, Any], place: str) -> None:
    found = read(changed(request_, place, None))
    assert getattr(found, place.rpartition(".")[2]) is None


def test_every_key_is_needed_and_named_with_where_it_is(request_: dict[str, Any]) -> None:
    unread = {"season", "a key of tomorrow"}
    for place in places(request_):
        if place not in unread:
            assert refusal(changed(request_, place, ...)) == f"{place} is missing; what is not known is null."
        else:
            assert read(changed(request_, place, ...))


@pytest.mark.parametrize(
    ("place", "within", "beyond"),
    [
        ("contract", [1, 1.0], [0, 2, 1.5]),
        ("car.soc", [0, 0.0, 1], [-1e-9, 1.001, 62]),
        ("car.cells", [-60, 100], [-60.1, 100.1, 279]),
        ("car.energy", [1, 1e6], [0, -52000]),
        ("car.charge", [0], [-1]),
        ("car.discharge", [0], [-7000]),
        ("charger.charge", [0], [-1]),
        ("charger.discharge", [0], [-7400]),
        ("charger.least", [0], [-1]),
        ("charger.efficiency", [0.2, 1], [0.19, 1.01, 93]),
        ("site.house", [-5000, 0], [1e10]),
        ("site.import", [0], [-1]),
        ("site.export", [0], [-12000]),
        ("trip.distance", [0], [-1]),
        ("reserve.distance", [0], [-50]),
        ("forecast.step", [1, 900], [0, 0.9]),
    ],
)
def test_a_number_is_taken_up_to_the_end_of_what_can_be_and_not_beyond(
    request_: dict[str, Any], place: str, within: list[float], beyond: list[float]
) -> None:
    for value in within:
        assert read(changed(request_, place, value))
    for value in beyond:
        assert refusal(changed(request_, place, value)).startswith(f"{place}: {value:g}")


@pytest.mark.parametrize("value", [None, True, "7000", [7000], {}, float("nan"), float("inf"), 10**400, -(10**400)])
@pytest.mark.parametrize("place", ["car.energy", "charger.charge", "reserve.distance", "forecast.step"])
def test_what_is_no_finite_number_is_none(request_: dict[str, Any], place: str, value: object) -> None:
    sentence = refusal(changed(request_, place, value))
    assert sentence.startswith(f"{place}: ")
    assert sentence.endswith("; give a finite number.")
    assert len(sentence) < 120


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize(
    ("values", "where"),
    [([], ""), ([1.0] * (MOST + 1), ""), (0.25, ""), (None, ""), ({}, ""), ([1, None], "[1]"), ([1, 2, "3"], "[2]")],
)
def test_a_series_has_one_number_to_ninety_six(request_: dict[str, Any], name: str, values: object, where: str) -> None:
    assert refusal(changed(request_, f"forecast.{name}", values)).startswith(f"forecast.{name}{where}: ")
    assert len(read(changed(request_, f"forecast.{name}", [1.0] * MOST)).forecast[name]) == MOST


@pytest.mark.parametrize("place", ["time", "trip.departure"])
@pytest.mark.parametrize(
    "value", ["2026-01-12T18:00:00", "2026-01-12", "tomorrow", "0001-01-01T00:00:00+14:00", "2026-01-12T25:00+01:00"]
)
def test_a_time_has_its_offset_and_a_year_that_a_computer_knows(
    request_: dict[str, Any], place: str, value: str
) -> None:
    assert refusal(changed(request_, place, value)) == f"{place}: {value!r}; give a time in ISO 8601 with its offset."


@pytest.mark.parametrize("value", [None, 0, 1, "true", []])
def test_a_car_is_there_or_it_is_not(request_: dict[str, Any], value: object) -> None:
    assert refusal(changed(request_, "car.plugged", value)) == f"car.plugged: {value!r}; give true or false."


@pytest.mark.parametrize("place", ["reason", "model", "reserve.road", "trip.road", "time"])
@pytest.mark.parametrize("value", ["", None, 5, ["country"]])
def test_a_text_has_something_in_it(request_: dict[str, Any], place: str, value: object) -> None:
    assert refusal(changed(request_, place, value)) == f"{place}: {value!r}; give a text."


@pytest.mark.parametrize("content", [None, [], "request", 3])
def test_a_request_is_an_object_and_so_are_its_sections(request_: dict[str, Any], content: object) -> None:
    assert refusal(content) == f"the request: {content!r}; give an object."
    assert refusal(changed(request_, "site", content)) == f"site: {content!r}; give an object."


def test_no_more_of_what_is_wrong_is_quoted_than_a_line_has_room_for(request_: dict[str, Any]) -> None:
    assert len(refusal(changed(request_, "forecast.buy", {"price": "0" * 5000}))) < 130


def test_the_last_value_of_a_series_is_held_where_it_ends(request_: dict[str, Any]) -> None:
    found = read(changed(request_, "forecast.sun", [1, 2, 3]))
    assert found.ahead("sun", 5) == [1, 2, 3, 3, 3]
    assert found.ahead("sun", 2) == [1, 2]
    assert len(found.ahead("sun")) == MOST


def test_hours_to_a_time_are_real_ones_whatever_its_offset(request_: dict[str, Any]) -> None:
    found = read(request_)
    assert found.hours_to(datetime.fromisoformat("2026-01-12T18:30:00+00:00")) == 1.5
    assert found.hours_to(found.time - timedelta(hours=2)) == -2.0


@pytest.mark.parametrize(
    "body", [b"", b"power please", b"{", b'{"a": NaN}', b"[Infinity]", b"[-Infinity]", b"\xff", b"[" * 100_000]
)
def test_a_body_that_is_no_json_is_told(body: bytes) -> None:
    with pytest.raises(ContractError, match=r"^The body is no JSON in UTF-8: ") as caught:
        parsed(body)
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_at_a_key_it_is_read_or_the_key_is_named(request_: dict[str, Any], data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(places(request_)))
    try:
        read(changed(request_, place, data.draw(JSON)))
    except ContractError as error:
        assert str(error).startswith(place)  # noqa: PT017 - some values are read
