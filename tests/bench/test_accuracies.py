"""Accuracies of a station file: what may be written, in whose favour it is decided, and what is kept with a run."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.accuracies import Certificate, Quantities, Room, accuracies
from bench.station import SHIPPED, StationFile, load_station
from bench.verdicts import InputError
from instruments.accuracy import Accuracy, DataSheet
from instruments.roles import BMS_CHANNELS, CHAMBER_AIR, TERMINALS, VOLTS

SHEET: DataSheet = {
    "voltage": (Accuracy(span=0.0005, full_scale=200.0, resolution=0.01, source="sheet"),),
    "current": (Accuracy(span=0.001, full_scale=25.0, resolution=0.001, source="sheet"),),
}
NOTHING, ROOM = Quantities(), Room()
CERTIFICATE = {"certificate": "K-1", "date": "2024-05-01", "due": "2099-05-01", "current": {"offset": 0.002}}


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[dict[str, Any]], StationFile]:
    """A shipped station whose supply says something else of its accuracy."""

    def load(entry: dict[str, Any]) -> StationFile:
        station = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
        del station["instruments"]["supply"]["calibration"]
        station["instruments"]["supply"] |= entry
        path = tmp_path / "bench.yaml"
        path.write_text(yaml.safe_dump(station), encoding="utf-8")
        return load_station(str(path))[0]

    return load


Loaded = Callable[[dict[str, Any]], StationFile]


def test_a_number_is_the_expanded_uncertainty_of_a_reading_as_it_always_was(loaded: Loaded) -> None:
    stated = (
        loaded({"accuracy": {"voltage": 0.0005, "current": 0.001, "temperature": 0.5}}).instruments["supply"].accuracy
    )
    known = accuracies(TERMINALS, SHEET, stated, None, ROOM)
    assert known["voltage"][0].expanded(0) == pytest.approx(0.01 / 12**0.5 * 2)  # the display's last digit is left
    assert known["current"][0].reading / known["current"][0].divisor == 0.001 / 2
    assert stated.of("temperature")[0].offset == 0.5


def test_data_sheet_station_file_and_certificate_each_take_precedence_over_the_one_before() -> None:
    stated, certificate = Quantities.model_validate({"current": 0.001}), Certificate.model_validate(CERTIFICATE)
    sources = [
        accuracies(TERMINALS, SHEET, *said, ROOM)["current"][0].source
        for said in ((NOTHING, None), (stated, None), (stated, certificate))
    ]
    assert sources == ["sheet", "station file", "certificate K-1 of 2024-05-01"]
    assert accuracies(TERMINALS, SHEET, NOTHING, certificate, ROOM)["voltage"][0].source == "sheet"


def test_the_display_rounds_whatever_a_certificate_says() -> None:
    known = accuracies(TERMINALS, SHEET, NOTHING, Certificate.model_validate(CERTIFICATE), ROOM)["current"][0]
    assert (known.resolution, known.offset, known.divisor) == (0.001, 0.002, 2.0)


def test_ranges_come_in_the_order_of_their_full_scale_whatever_the_file_has() -> None:
    wide, small = ({"range": 0.001, "full_scale": scale} for scale in (60, 0.6))
    known = accuracies([TERMINALS[1]], {}, Quantities.model_validate({"current": [wide, small]}), None, ROOM)
    assert [each.full_scale for each in known["current"]] == [0.6, 60]


def test_a_room_that_is_warmer_than_the_data_sheet_holds_for_counts() -> None:
    warm = Quantities.model_validate(
        {"voltage": {"reading": 1e-4, "reading_per_kelvin": 1e-5, "temperatures": [18, 28]}}
    )
    [mild], [hot] = (accuracies([VOLTS], {}, warm, None, Room(min=20, max=top))["voltage"] for top in (25, 38))
    assert hot.reading == pytest.approx(mild.reading + 10 * 1e-5)


def test_what_nobody_has_measured_has_no_accuracy() -> None:
    assert set(accuracies(CHAMBER_AIR, {}, NOTHING, None, ROOM)) == {"air"}
    known = set(accuracies(BMS_CHANNELS.values(), {}, NOTHING, None, ROOM))
    assert known.isdisjoint({"state", "age", "soh", "charge current limit", "discharge current limit"})
    assert {"soc min", "cell voltage max", "pack current", "insulation"} <= known


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"accuracy": {"current": {"range": 0.001}}}, "current.0: .* give its full_scale"),
        ({"accuracy": {"current": {"digits": 2}}}, "give the resolution"),
        ({"accuracy": {"current": {"reading": -0.1}}}, "greater than or equal to 0"),
        ({"accuracy": {"current": {"reding": 0.1}}}, "unknown key; .*reading"),
        ({"accuracy": {"curent": 0.1}}, "unknown key; .*current"),
        ({"accuracy": {"current": "good"}}, "found 'good'"),
        ({"accuracy": {"current": {"reading_per_kelvin": 1e-5}}}, "needs the temperatures"),
        ({"accuracy": {"current": {"temperatures": [28, 18]}}}, "must lie below"),
        (
            {"calibration": CERTIFICATE | {"due": "2024-05-01"}},
            "behind the date of the calibration, 2024-05-01",
        ),
        ({"calibration": CERTIFICATE | {"date": "2098-05-01"}}, "cannot be in the future"),
        ({"calibration": {key: CERTIFICATE[key] for key in ("certificate", "date", "due")}}, "proves nothing"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_with_its_place(
    loaded: Loaded, entry: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says) as refused:
        loaded(entry)
    assert "bench.yaml, line" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_expired_certificate_is_an_overdue_calibration(loaded: Loaded) -> None:
    station = loaded({"calibration": CERTIFICATE | {"due": "2025-01-01"}})
    assert station.instruments["supply"].calibration_due == dt.date(2025, 1, 1)


@pytest.mark.parametrize(("written", "due"), [(dt.date(2030, 1, 1), 2030), (dt.date(2100, 1, 1), 2099)])
def test_of_two_dates_the_earlier_one_counts(loaded: Loaded, written: dt.date, due: int) -> None:
    """A house may renew its calibrations more often than a certificate says."""
    certificate = CERTIFICATE | {"date": dt.date(2024, 5, 1), "due": dt.date(2099, 5, 1)}
    found = loaded({"calibration": certificate, "calibration_due": written}).instruments["supply"].calibration_due
    assert found is not None
    assert found.year == due


def test_the_shipped_stations_have_no_assumed_meter_of_the_charge() -> None:
    for name in ("virtual-module", "virtual-pack"):
        supply = load_station(name)[0].instruments["supply"]
        assert supply.calibration is not None
        assert supply.calibration.current
