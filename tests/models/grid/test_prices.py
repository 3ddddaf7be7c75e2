"""Prices: by name, and from a user's file across changes of clocks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.fields import CellFileError
from models.grid.clock import ZONE, quarters
from models.grid.prices import TARIFFS, prices
from models.grid.reading import SeriesError

MONDAY = datetime(2026, 7, 6, tzinfo=ZONE)
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=ZONE), datetime(2026, 10, 25, tzinfo=ZONE)


@pytest.fixture
def tariff(tmp_path: Path) -> Callable[..., str]:
    def write(text: str, ending: str = "csv") -> str:
        path = tmp_path / f"own.{ending}"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def hourly(start: datetime, count: int, *, minutes: int = 60, naive: bool = False, without: int = -1) -> str:
    """A file whose buying price is its row's number in thousandths."""
    lines = ["time,buy,sell"]
    for row in range(count):
        at = (start.astimezone(UTC) + timedelta(minutes=minutes * row)).astimezone(start.tzinfo)
        text = (at.replace(tzinfo=None) if naive else at).isoformat()
        lines += [f"{text},{row / 1000},{-row / 1000}"] if row != without else []
    return "\n".join(lines)


@pytest.mark.parametrize("name", TARIFFS)
def test_to_buy_is_never_cheaper_than_to_sell(name: str) -> None:
    found = prices(name, MONDAY, 672, seed=3)
    assert (found.buy > found.sell).all()
    assert len(found.buy) == len(found.sell) == 672


def test_nights_are_cheaper_by_the_clock() -> None:
    """On the day of 23 hours night ends at a quarter number 20, not 24."""
    found = prices("day-night", SPRING, 92).buy
    assert np.flatnonzero(np.diff(found)).tolist() == [19, 83]
    assert found[0] < found[20]


def test_day_ahead_prices_have_their_mean_and_their_shape() -> None:
    """97 EUR/MWh in the mean of Europe's 2023 (FfE); evenings are dear, a summer's noon is cheaper than its night."""
    start = datetime(2025, 1, 1, tzinfo=ZONE)
    market = np.concatenate([prices("day-ahead", start, 365 * 96, seed=seed).sell for seed in range(3)])
    assert market.mean() == pytest.approx(0.097, rel=0.12)
    hours = np.tile([at.hour for at in quarters(start, 365 * 96)], 3)
    summer = np.tile([at.month in {6, 7, 8} for at in quarters(start, 365 * 96)], 3)
    by_hour = [market[hours == hour].mean() for hour in range(24)]
    assert int(np.argmax(by_hour)) in range(18, 21)
    assert market[summer & (hours == 13)].mean() < market[summer & (hours == 3)].mean()
    assert market[~summer & (hours == 8)].mean() > market[~summer & (hours == 3)].mean()


def test_an_hour_holds_for_its_four_quarters(tariff: Callable[..., str]) -> None:
    found = prices(tariff(hourly(MONDAY, 24)), MONDAY + timedelta(hours=2), 8)
    assert found.buy.tolist() == [0.002] * 4 + [0.003] * 4
    assert found.sell.tolist() == [-0.002] * 4 + [-0.003] * 4


def test_a_quarter_is_one(tariff: Callable[..., str]) -> None:
    found = prices(tariff(hourly(MONDAY, 96, minutes=15)), MONDAY, 96)
    assert found.buy == pytest.approx(np.arange(96) / 1000)


@pytest.mark.parametrize("naive", [False, True])
@pytest.mark.parametrize("minutes", [60, 15])
@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_a_day_of_23_or_25_hours_has_as_many(
    tariff: Callable[..., str], day: datetime, hours: int, minutes: int, naive: bool
) -> None:
    rows = hours * 60 // minutes
    found = prices(tariff(hourly(day, rows, minutes=minutes, naive=naive)), day, hours * 4)
    assert found.buy == pytest.approx(np.repeat(np.arange(rows), minutes // 15) / 1000)
    with pytest.raises(SeriesError, match="has no price for"):
        prices(tariff(hourly(day, rows, minutes=minutes, naive=naive)), day, hours * 4 + 1)


def test_an_hour_that_is_missing_is_named_with_its_file(tariff: Callable[..., str]) -> None:
    with pytest.raises(SeriesError, match=r"own\.csv: has no price for 2026-07-06T17:00:00\+02:00; give one"):
        prices(tariff(hourly(MONDAY, 24, without=17)), MONDAY, 96)


def test_one_of_the_two_hours_of_autumn_may_be_missing_too(tariff: Callable[..., str]) -> None:
    with pytest.raises(SeriesError, match=r"has no price for 2026-10-25T02:00:00\+01:00"):
        prices(tariff(hourly(AUTUMN, 25, without=3)), AUTUMN, 100)


def test_an_hour_outside_the_days_may_be_missing(tariff: Callable[..., str]) -> None:
    assert len(prices(tariff(hourly(MONDAY, 24, without=17)), MONDAY, 68).buy) == 68


def test_what_is_not_sold_brings_nothing(tariff: Callable[..., str]) -> None:
    text = "- {time: 2026-07-06T00:00:00+02:00, buy: 0.25}\n- {time: 2026-07-06T01:00:00+02:00, buy: 0.30}\n"
    found = prices(tariff(text, "yaml"), MONDAY, 8)
    assert found.buy.tolist() == [0.25] * 4 + [0.30] * 4
    assert (found.sell == 0).all()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("2026-07-06T00:00,0.2\n2026-07-06T00:00,0.2", r"line 3: 2026-07-06T00:00 is not after the row above"),
        (
            "2026-07-06T00:00,0.2\n2026-07-06T00:20,0.2",
            r"line 3: 1200 s after the first row; give prices an hour or 15",
        ),
        ("2026-07-06T00:00,0.2\n2026-07-06T01:00,nan", r"line 3: buy is 'nan'; give a finite number"),
        ("2026-07-06T00:00,97\n2026-07-06T01:00,98", r"line 2: buy is 97 for a kWh; give a price from -5 up to 5"),
        ("today,0.2\n2026-07-06T01:00,0.2", r"line 2: time is 'today'; give one as 2026-01-12T18:00:00\+01:00"),
        ("2026-03-29T01:00,0.2\n2026-03-29T02:00,0.2", r"line 3: there is no 2026-03-29 02:00:00 in Europe/Paris"),
        ("2026-07-06T00:00,\n2026-07-06T01:00,0.2", r"line 2: buy is ''; give a finite number"),
        (
            "2026-07-06T00:00,0,25\n2026-07-06T01:00,0,30",
            r"line 2: .* has 3 cells, the header 2; are there decimal commas",
        ),
        ("2026-07-06T00:00,0.25\n2026-07-06T01:00", r"line 3: .* has 1 cell, the header 2"),
    ],
)
def test_a_wrong_file_is_one_sentence(tariff: Callable[..., str], rows: str, sentence: str) -> None:
    with pytest.raises(SeriesError, match=sentence) as raised:
        prices(tariff("time,buy\n" + rows), MONDAY, 4)
    assert "own.csv" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{buy: 1}", "is no list of mappings"),
        ("- [", "is not YAML"),
        ("- 3", "is no list of mappings"),
        ("[]", "has 0"),
    ],
)
def test_a_list_is_one(tariff: Callable[..., str], text: str, sentence: str) -> None:
    with pytest.raises(SeriesError, match=sentence):
        prices(tariff(text, "yaml"), MONDAY, 4)


def test_a_tariff_that_there_is_not_is_told() -> None:
    with pytest.raises(CellFileError, match=r"no tariff 'day-ahed' \(nearest: day-ahead\); there are flat"):
        prices("day-ahed", MONDAY, 4)


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("time,buy,sell,buy\n2026-07-06T00:00,1,1,2\n2026-07-06T01:00,1,1,2\n", "csv"),
        ("- {time: 2026-07-06T00:00, buy: 1, sell: 1, buy: 2}\n- {time: 2026-07-06T01:00, buy: 1, sell: 1}\n", "yaml"),
    ],
)
def test_a_price_that_is_given_twice_is_refused(tariff: Callable[..., str], text: str, ending: str) -> None:
    with pytest.raises(SeriesError, match=r"line 1\b.*buy.*twice; one of them would be lost"):
        prices(tariff(text, ending), MONDAY, 8)
