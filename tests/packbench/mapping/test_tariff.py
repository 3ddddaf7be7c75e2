"""What energy costs: sums by hand, and files that are no tariff."""

from pathlib import Path

import pytest

from bench.verdicts import InputError
from packbench.mapping.tariff import costs, load_tariff

GOOD = """\
name: France, 2025
prices: {at home: 0.20, fast charger: 0.45}
efficiency: {at home: 0.8}
sources: [a bill]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "tariff.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_kwh_is_paid_with_what_the_charger_loses(tmp_path: Path) -> None:
    tariff = load_tariff(written(tmp_path, GOOD))
    found = {each.place: (each.road, each.recharge) for each in costs(tariff, 16.0, 36.0)}
    assert tariff.currency == "EUR"
    # 16 kWh/100 km / 0.8 * 0.20, 36 kWh / 0.8 * 0.20; the fast charger's losses are not known.
    assert found["at home"] == pytest.approx((4.0, 9.0))
    assert found["fast charger"] == pytest.approx((7.2, 16.2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\n", "line 1, key prices: this key is required and missing"),
        ("name: x\nprices: {}\n", "prices"),
        ("name: x\nprices: {home: cheap}\n", "line 2, key prices.home"),
        ("name: x\nprices: {home: .nan}\n", "line 2, key prices.home"),
        ("name: x\nprices: {home: 0.2}\nefficiency: {home: 86}\n", "line 3, key efficiency.home"),
        ("name: x\nprices: {home: 0.2}\nefficiency: {home: 0}\n", "line 3, key efficiency.home"),
        ("name: x\nprices: {home: 0.2}\nefficiency: {hme: 0.9}\n", "hme.* has no price; did you mean 'home'"),
        ("name: x\nprice: {home: 0.2}\n", "did you mean 'prices'"),
        ("- 1\n", "expected keys and values"),
        ("", "found nothing"),
        ("name: [x\n", "not valid YAML"),
        ("name: x\nprices: {home: 0.2}\nprices: {home: 0.3}\n", "prices"),
    ],
)
def test_a_file_that_is_no_tariff_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=says) as caught:
        load_tariff(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tariff_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.yaml: cannot be read \(No such file"):
        load_tariff(tmp_path / "none.yaml")
