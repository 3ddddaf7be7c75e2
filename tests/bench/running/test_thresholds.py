"""The range of a column: what may be compared with it, and how it is written."""

from math import inf, nextafter

import pytest

from bench.running.thresholds import ROUNDING, Range


@pytest.mark.parametrize("bound", [86.4, 0.5, -20.0])
def test_a_threshold_may_be_off_its_range_by_the_rounding_of_a_product_and_no_more(bound: float) -> None:
    """24 times 3.6 V is not what somebody writes down as 86.4, whatever the size of the bound."""
    room = ROUNDING * abs(bound)
    for span, way in ((Range(-1e6, bound, "V"), inf), (Range(bound, 1e6, "V"), -inf)):
        edge = bound + room if way > 0 else bound - room
        assert bound in span
        assert edge in span
        assert nextafter(edge, way) not in span


@pytest.mark.parametrize("span", [Range(0.0, 1.0, "1"), Range(-1.0, 0.0, "1")])
def test_a_range_that_ends_at_0_ends_there(span: Range) -> None:
    outside = nextafter(0.0, -1.0 if span.low == 0 else 1.0)
    assert 0.0 in span
    assert outside not in span


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Range(0.0, 1.0, "1"), "0 to 1"), (Range(-20.0, 50.0, "degC"), "-20 to 50 °C"),
        (Range(0.0, 86.4, "V"), "0 to 86.4 V"), (Range(0.0, 2592000.0, "s"), "0 to 2592000 s"),
    ],
)  # fmt: skip
def test_a_range_is_told_with_its_unit_where_it_has_one(span: Range, text: str) -> None:
    assert str(span) == text
