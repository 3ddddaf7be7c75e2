"""How well a figure is known: by the accuracies of the meters that it came from, the worst of them."""

import pytest

from bench.station import Accuracy, StationFile, load_station
from reports.kpi import Kpi
from reports.uncertainty import uncertainty


@pytest.fixture
def station() -> StationFile:
    """A station whose load is a worse meter than its supply."""
    station = load_station("virtual-module")[0]
    entries = dict(station.instruments)
    entries["supply"] = entries["supply"].model_copy(update={"accuracy": Accuracy(voltage=0.0005, current=0.001)})
    entries["load"] = entries["load"].model_copy(update={"accuracy": Accuracy(voltage=0.001, current=0.01)})
    return station.model_copy(update={"instruments": entries})


def figure(unit: str, *meters: str) -> Kpi:
    return Kpi("it", "x", 2.0, unit, "step", "…", meters=meters)


def test_a_resistance_is_as_good_as_the_instrument_of_another_package_that_measures_it(station: StationFile) -> None:
    load = station.instruments["load"].model_copy(
        update={"roles": ("ohmmeter",), "accuracy": Accuracy(resistance=0.02)}
    )
    station = station.model_copy(update={"instruments": {**station.instruments, "load": load}})
    assert uncertainty(figure("Ω/V", "ohmmeter"), station) == pytest.approx(2.0 * 0.02)
    assert uncertainty(figure("Ω", "ohmmeter"), station) == pytest.approx(2.0 * 0.02)
    assert uncertainty(figure("Ω", "source"), station) == pytest.approx(2.0 * (0.001**2 + 0.001**2) ** 0.5)


@pytest.mark.parametrize(
    ("measured", "says"),
    [
        (figure("Ah", "source", "sink"), 2.0 * 0.01),
        (figure("Ah", "source"), 2.0 * 0.001),
        (figure("Wh", "source", "sink"), 2.0 * (0.01**2 + 0.001**2) ** 0.5),
        (figure("V", "emulator"), 2.0 * 0.0005),  # for as good as the source
        (figure("K", "temperatures"), 0.5),
        (figure("s", "bms"), 1.0),
        (figure("%", "source", "sink"), 0.0),
    ],
)
def test_the_worst_meter_that_a_figure_came_from_counts(station: StationFile, measured: Kpi, says: float) -> None:
    assert uncertainty(measured, station) == pytest.approx(says)
