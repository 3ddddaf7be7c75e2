"""Which of two meters that disagree is suspected, and which cell a value is about: on the rows of a shipped station."""

from collections.abc import Sequence
from math import inf, nan, nextafter

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX, bms_label, raw_label
from bench.pack import PackFile
from bench.safety import plausibility, quantities
from bench.safety.evidence import evidence_for
from bench.safety.guard import Evidence
from bench.station import load_station
from instruments.roles import AMPERES, BMS_CHANNELS, VOLTS, BmsState, Channel

STATION, _ = load_station("virtual-module")
WITHOUT_EMULATOR = STATION.model_copy(
    update={"instruments": {name: each for name, each in STATION.instruments.items() if "emulator" not in each.roles}}
)
CELLS = [raw_label("emulator", Channel(f"cell {number}", "voltage", "V")) for number in (1, 2, 3, 4)]
LAYOUT = (
    *DERIVED, *(raw_label(name, channel) for name in ("supply", "load") for channel in (VOLTS, AMPERES)), *CELLS,
    *(bms_label("bms", channel) for channel in BMS_CHANNELS),
)  # fmt: skip
"""Supply and load are two instruments here, each with an ammeter of its own; there is a third word: the BMS's."""


def row(
    supply: float = 0.0, load: float = 0.0, bms: float = 0.0, asked: float = nan, cells: Sequence[float] = ()
) -> list[float]:
    """Currents in A: what each reads, what is asked for; cells in V."""
    found = [nan] * len(LAYOUT)
    found[INDEX[columns.SET_CURRENT]] = asked
    found[LAYOUT.index(raw_label("supply", AMPERES))] = supply
    found[LAYOUT.index(raw_label("load", AMPERES))] = load
    found[LAYOUT.index(bms_label("bms", "pack current"))] = bms
    for label, volts in zip(CELLS, cells, strict=False):
        found[LAYOUT.index(label)] = volts
    return found


@pytest.fixture
def evidence(four_cells: PackFile) -> Evidence:
    return evidence_for(four_cells, STATION, LAYOUT)


@pytest.mark.parametrize(
    ("values", "suspected"),
    [
        # Nothing is asked of anybody: whoever reads a current that the BMS does not see reads wrongly.
        ({"supply": 3.0}, ("supply",)),
        ({"load": -3.0}, ("load",)),
        # All is well between them but for the BMS: the one that carries the most, or the BMS.
        ({"bms": 3.0}, ("supply", "bms")),
        # A charge is asked of the supply, and the load says that it flows through itself as well.
        ({"supply": 3.0, "bms": 3.0, "asked": 3.0, "load": -2.0}, ("load",)),
        # The BMS sees what was asked for: the supply cannot read it.
        ({"supply": 0.0, "bms": 3.0, "asked": 3.0}, ("supply",)),
        ({"load": 0.0, "bms": -3.0, "asked": -3.0}, ("load",)),
        # The supply reads what was asked for and the BMS nothing: one of the two.
        ({"supply": 3.0, "asked": 3.0}, ("supply", "bms")),
        ({"load": -3.0, "asked": -3.0}, ("load", "bms")),
    ],
)
def test_of_two_ammeters_the_one_that_is_alone_with_its_word_is_suspected(
    evidence: Evidence, values: dict[str, float], suspected: tuple[str, ...]
) -> None:
    assert evidence.suspects[quantities.BMS_CURRENT_DIFFERENCE](row(**values)) == suspected


APART = STATION.guard.current_disagreement * 5.0
"""A by which two ammeters of this pack may differ: it may be discharged with 5 A."""
MORE = nextafter(APART, inf)


@pytest.mark.parametrize(
    ("values", "suspected"),
    [
        # One of which nothing is asked may read as much as two ammeters may differ by.
        ({"supply": APART}, ("supply", "bms")),
        ({"supply": MORE}, ("supply",)),
        ({"load": -APART}, ("load", "bms")),
        ({"load": -MORE}, ("load",)),
        # And so much may all others together differ from the BMS.
        ({"supply": 3.0, "bms": APART}, ("supply",)),
        ({"supply": 3.0, "bms": MORE}, ("supply", "bms")),
        # What the BMS confirms of a set point does flow.
        ({"asked": 2 * APART, "bms": APART}, ("supply",)),
        ({"asked": 2 * APART, "bms": nextafter(APART, 0.0)}, ("supply", "bms")),
        ({"asked": -2 * APART, "bms": -APART}, ("load",)),
        ({"asked": -2 * APART, "bms": -nextafter(APART, 0.0)}, ("load", "bms")),
    ],
)
def test_ammeters_that_are_apart_by_no_more_than_they_may_be_are_not(
    evidence: Evidence, values: dict[str, float], suspected: tuple[str, ...]
) -> None:
    assert evidence.suspects[quantities.BMS_CURRENT_DIFFERENCE](row(**values)) == suspected


@pytest.mark.parametrize(
    ("read", "bms", "terminals", "suspected"),
    [
        # The emulated cells add up to the string, and the BMS reads another cell than they do: the BMS.
        (3.0, 3.4, 12.0, ("bms",)),
        # They do not add up by more than the two meters differ from their middle: the emulator.
        (3.0, 3.4, 14.0, ("emulator",)),
        # Just as much is missing as they differ: nothing speaks against the emulator.
        (3.0, 7.0, 14.0, ("bms",)),
        # They differ by no more than two good meters may: nobody can tell.
        (3.0, 3.01, 12.0, ("emulator", "bms")),
    ],
)
def test_of_two_readings_of_a_cell_the_one_that_does_not_add_up_is_suspected(
    evidence: Evidence, read: float, bms: float, terminals: float, suspected: tuple[str, ...]
) -> None:
    found = row(cells=(3.0, 3.0, 3.0, 3.0))
    found[INDEX[columns.VOLTAGE]], found[INDEX[columns.CELL_VOLTAGE_MAX]] = terminals, read
    found[INDEX[columns.BMS_STATE]] = BmsState.CHARGE
    found[LAYOUT.index(bms_label("bms", "cell voltage max"))] = bms
    assert evidence.suspects[quantities.HIGHEST_CELL_DIFFERENCE](found) == suspected


NEAR = STATION.guard.voltage_disagreement * 13.8
"""V by which two voltmeters of this pack of 13.8 V at most may differ."""
BOOSTED = STATION.model_copy(update={"instruments": STATION.instruments | {"booster": STATION.instruments["supply"]}})
WITH_BOOSTER = (*LAYOUT, raw_label("booster", VOLTS), raw_label("booster", AMPERES))


@pytest.mark.parametrize(
    ("supply", "booster", "load", "bms", "cell", "suspected"),
    [
        # The booster is furthest from the supply, and all others are with the supply.
        (13.0, 14.0, 13.1, 13.0, 3.25, ("booster",)),
        (13.0, 12.0, 13.1, 13.0, 3.25, ("booster",)),
        (13.0, 13.1, 14.0, 13.0, 3.25, ("load",)),
        (13.0, 13.1, 12.0, 13.0, 3.25, ("load",)),
        # Nobody is with the supply, from which both are away.
        (13.0, 14.0, 13.9, 14.0, 3.5, ("supply",)),
        (13.0, 13.9, 14.0, 14.0, 3.5, ("supply",)),
        # Two are with either: nobody can tell.
        (13.0, 14.0, 13.5, 14.0, 3.25, ("supply", "booster")),
        (13.0, 13.5, 14.0, 14.0, 3.25, ("supply", "load")),
        # As far as two may be apart is near, and no further.
        (13.0, 0.0, 13.1, NEAR, 0.0, ("supply",)),
        (13.0, 0.0, 13.1, nextafter(NEAR, 1.0), 0.0, ("supply", "booster")),
        (13.0, 15.0, 13.0, 15.0, 3.75, ("supply",)),
    ],
)
@pytest.mark.parametrize("emulated", [True, False])
def test_of_several_voltmeters_the_furthest_is_held_against_the_first(
    four_cells: PackFile, supply: float, booster: float, load: float, bms: float, cell: float,
    suspected: tuple[str, ...], emulated: bool,
) -> None:  # fmt: skip
    """By the other voltmeters, the BMS and the sum of the cells: the emulated ones, or four between two extremes."""
    beside = {name: each for name, each in BOOSTED.instruments.items() if emulated or name != "emulator"}
    station = BOOSTED.model_copy(update={"instruments": beside})
    found = evidence_for(four_cells, station, WITH_BOOSTER).suspects[quantities.SINK_VOLTAGE_DIFFERENCE]
    values = [*row(cells=[cell] * 4), booster, 0.0]
    values[INDEX[columns.VOLTAGE]] = values[LAYOUT.index(raw_label("supply", VOLTS))] = supply
    values[LAYOUT.index(raw_label("load", VOLTS))] = load
    values[LAYOUT.index(bms_label("bms", "pack voltage"))] = bms
    values[INDEX[columns.CELL_VOLTAGE_MIN]], values[INDEX[columns.CELL_VOLTAGE_MAX]] = cell - 0.05, cell + 0.05
    assert found(values) == suspected


@pytest.mark.parametrize(("asked", "who"), [(2.0, ("supply",)), (-2.0, ("load",))])
def test_a_current_that_is_missing_is_owed_by_whoever_was_asked_for_it(
    evidence: Evidence, asked: float, who: tuple[str, ...]
) -> None:
    assert evidence.suspects[quantities.CURRENT_SHORTFALL](row(asked=asked)) == who


@pytest.mark.parametrize(
    ("supply", "load", "asked", "who"),
    [
        (2.0, -3.0, -3.0, ("supply",)),  # it has stayed on, and takes up what the load draws
        (2.0, -1.5, 2.0, ("load",)),
        (0.6, 0.0, 2.0, ("supply",)),
        (0.0, -1.0, -3.0, ("load",)),
        (0.1, -1.0, -3.0, ("load",)),  # an offset is no reason
        (1.0, -2.0, -4.0, ("load",)),  # 3 A are missing, of which the supply takes up a third
        (1.0, -3.0, -4.0, ("load",)),  # half of them, to the last digit
        (nextafter(1.0, 2.0), -3.0, -4.0, ("supply",)),
    ],
)
def test_a_current_that_is_missing_is_owed_by_whoever_takes_it_up(
    evidence: Evidence, supply: float, load: float, asked: float, who: tuple[str, ...]
) -> None:
    found = row(supply=supply, load=load, asked=asked)
    found[INDEX[columns.CURRENT]] = supply + load
    assert evidence.suspects[quantities.CURRENT_SHORTFALL](found) == who


@pytest.mark.parametrize(
    ("supply", "load", "asked", "who"),
    [
        (2.0, -3.0, -3.0, ("supply",)),
        (0.0, -6.0, -3.0, ("load",)),
        (3.0, -2.0, 3.0, ("load",)),
        (5.0, 0.0, 3.0, ("supply",)),
        (0.0, -2.0, nan, ("load",)),
        (3.0, 0.0, 3.0, ("supply",)),  # what carries nothing carries nothing that was not asked for
        (0.0, -3.0, -3.0, ("load",)),
    ],
)
def test_a_current_that_nobody_has_asked_for_is_that_of_who_carries_it(
    evidence: Evidence, supply: float, load: float, asked: float, who: tuple[str, ...]
) -> None:
    found = row(supply=supply, load=load, asked=asked)
    found[INDEX[columns.CURRENT]] = supply + load
    assert evidence.suspects[plausibility.UNASKED_CURRENT](found) == who


@pytest.mark.parametrize(
    ("column", "place"),
    [(columns.CELL_VOLTAGE_MAX, "cell 2"), (columns.CELL_VOLTAGE_MIN, "cell 4"), (quantities.CELL_SPREAD, "cell 2")],
)
def test_the_cell_that_a_voltage_is_about_is_named(evidence: Evidence, column: str, place: str) -> None:
    assert evidence.places[column](row(cells=(3.3, 3.6, 3.3, 3.2))) == place


@pytest.mark.parametrize("column", [columns.CELL_VOLTAGE_MAX, columns.CELL_VOLTAGE_MIN])
def test_where_a_cell_is_missing_nobody_says_which_is_the_highest(evidence: Evidence, column: str) -> None:
    assert evidence.places[column](row(cells=(3.3, nan, 3.3, 3.2))) == ""


TOLD = {
    bms_label("bms", "cell temperature max"): "cell temperature max",
    quantities.BMS_TEMPERATURE_SPREAD: "cell temperature max",
}
"""Channels of the BMS by the columns that are about what only it knows."""


def test_a_cell_that_only_the_bms_knows_is_named_in_its_own_words(four_cells: PackFile) -> None:
    """Where an emulator plays the cells it knows them by itself."""
    found = evidence_for(four_cells, STATION, LAYOUT, "the BMS's {}".format)
    for column, channel in TOLD.items():
        assert found.places[column](row()) == f"the BMS's {channel}"
    assert found.places[columns.CELL_VOLTAGE_MAX](row(cells=(3.3, 3.6, 3.3, 3.2))) == "cell 2"
    assert found.places[quantities.CHARGE_SPREAD](row(cells=(3.3, 3.6, 3.3, 3.2))) == "cell 2"


@pytest.mark.parametrize(
    ("lowest", "highest", "stray"), [(3.0, 3.4, "min"), (3.2, 3.6, "max"), (3.1, 3.5, "max")], ids=str
)
def test_without_an_emulator_all_cells_are_named_by_the_bms(
    four_cells: PackFile, lowest: float, highest: float, stray: str
) -> None:
    found = evidence_for(four_cells, WITHOUT_EMULATOR, LAYOUT, "the BMS's {}".format)
    values = row()
    values[INDEX[columns.CELL_VOLTAGE_MIN]], values[INDEX[columns.CELL_VOLTAGE_MAX]] = lowest, highest
    values[LAYOUT.index(bms_label("bms", "pack voltage"))] = 4 * 3.3
    told = TOLD | {
        columns.CELL_VOLTAGE_MAX: "cell voltage max", columns.CELL_VOLTAGE_MIN: "cell voltage min",
        quantities.CELL_SPREAD: f"cell voltage {stray}", quantities.CHARGE_SPREAD: f"cell voltage {stray}",
    }  # fmt: skip
    assert {column: found.places[column](values) for column in told} == {
        column: f"the BMS's {channel}" for column, channel in told.items()
    }


def test_where_nobody_knows_the_cells_none_is_named(four_cells: PackFile) -> None:
    of_cells = {*TOLD, columns.CELL_VOLTAGE_MAX, columns.CELL_VOLTAGE_MIN, *quantities.NEEDS}
    assert not of_cells & evidence_for(four_cells, WITHOUT_EMULATOR, LAYOUT).places.keys()


def test_each_figure_names_the_meters_behind_it_and_what_they_measured(evidence: Evidence) -> None:
    current = (("supply", "current"), ("load", "current"))
    assert evidence.meters[columns.CURRENT] == current
    assert evidence.meters[columns.VOLTAGE] == (("supply", "voltage"),)
    assert evidence.meters[columns.POWER] == (("supply", "voltage"), *current)
    assert evidence.meters[quantities.BMS_CURRENT_DIFFERENCE] == (*current, ("bms", "current"))
    assert evidence.meters[quantities.CELL_SPREAD] == (("emulator", "cell voltage"),)


@pytest.mark.parametrize(
    ("column", "scanner", "bms", "air", "suspected"),
    [
        (quantities.HOTTEST_DIFFERENCE, 40.0, 26.0, 25.0, ("temperatures",)),  # further from the air than the BMS
        (quantities.HOTTEST_DIFFERENCE, 40.0, 26.0, 40.0, ("bms",)),
        (quantities.HOTTEST_DIFFERENCE, 40.0, 20.0, 30.0, ("temperatures",)),  # both are as far from it
        (quantities.HOTTEST_DIFFERENCE, 26.0, 40.0, 25.0, ()),  # a BMS may have a sensor on a hotter cell
        (quantities.HOTTEST_DIFFERENCE, 40.0, 40.0, 25.0, ()),
        (quantities.COLDEST_DIFFERENCE, 10.0, 24.0, 25.0, ("temperatures",)),
        (quantities.COLDEST_DIFFERENCE, 10.0, 24.0, 11.0, ("bms",)),
        (quantities.COLDEST_DIFFERENCE, 24.0, 10.0, 25.0, ()),
        (plausibility.UNCONFIRMED_HEAT, 60.0, 26.0, 25.0, ("temperatures",)),
        (plausibility.UNCONFIRMED_HEAT, 60.0, 26.0, 60.0, ("bms",)),
        (plausibility.UNCONFIRMED_HEAT, 26.0, 60.0, 25.0, ()),
    ],
)
def test_of_scanner_and_bms_the_one_that_is_further_from_the_air_is_suspected(
    evidence: Evidence, column: str, scanner: float, bms: float, air: float, suspected: tuple[str, ...]
) -> None:
    lowest, highest = columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX
    own, channel = (
        (lowest, "cell temperature min")
        if column == quantities.COLDEST_DIFFERENCE
        else (highest, "cell temperature max")
    )
    values = row()
    values[INDEX[own]], values[INDEX[columns.AMBIENT]] = scanner, air
    values[LAYOUT.index(bms_label("bms", channel))] = bms
    assert evidence.suspects[column](values) == suspected


def sensors(scanner: str) -> list[str]:
    return [raw_label(scanner, Channel(f"sensor {number}", "temperature", "degC")) for number in (1, 2)]


@pytest.mark.parametrize(
    ("scanners", "hottest", "coldest"),
    [(("temperatures",), "sensor 1", "sensor 2"), (("temperatures", "more"), "more sensor 2", "temperatures sensor 2")],
)
def test_the_sensor_that_a_temperature_is_about_is_named_with_its_scanner_where_there_are_several(
    four_cells: PackFile, scanners: tuple[str, ...], hottest: str, coldest: str
) -> None:
    scanner = STATION.instruments["temperatures"]
    station = STATION.model_copy(update={"instruments": STATION.instruments | dict.fromkeys(scanners, scanner)})
    layout = (*LAYOUT, *(label for name in scanners for label in sensors(name)))
    found = evidence_for(four_cells, station, layout).places
    values = [*row(), *(30.0, 20.0, 25.0, 40.0)[: 2 * len(scanners)]]
    hot = {
        columns.CELL_TEMPERATURE_MAX, quantities.TEMPERATURE_RATE, quantities.TEMPERATURE_RISE, quantities.HOTTEST_JUMP,
        quantities.HOTTEST_DIFFERENCE, plausibility.UNCONFIRMED_HEAT,
    }  # fmt: skip
    cold = {columns.CELL_TEMPERATURE_MIN, quantities.COLDEST_JUMP, quantities.COLDEST_DIFFERENCE}
    assert {column: found[column](values) for column in hot | cold} == dict.fromkeys(hot, hottest) | dict.fromkeys(
        cold, coldest
    )
    values[-1] = nan
    assert {found[column](values) for column in hot | cold} == {""}


OF_OUTSIDE = plausibility.OUTSIDE_HEAT, plausibility.UNLIKELY_HEAT, plausibility.OUTSIDE_COLD


@pytest.mark.parametrize(
    ("flow", "suspected"), [(8.0, ("chamber", "coolant")), (0.0, ("chamber",)), (nan, ("chamber",))]
)
def test_what_comes_from_outside_is_the_chambers_and_while_it_flows_the_coolants(
    four_cells: PackFile, flow: float, suspected: tuple[str, ...]
) -> None:
    station, layout = load_station("virtual-pack")[0], (*LAYOUT, columns.COOLANT_FLOW)
    found = evidence_for(four_cells, station, layout)
    assert {found.suspects[column]([*row(), flow]) for column in OF_OUTSIDE} == {suspected}
    both = (("chamber", "air"), ("coolant", "temperature"))
    assert {found.meters[column] for column in OF_OUTSIDE} == {both}


def test_without_coolant_what_comes_from_outside_is_the_chambers(evidence: Evidence) -> None:
    assert {evidence.meters[column] for column in OF_OUTSIDE} == {(("chamber", "air"),)}
    assert not evidence.suspects.keys() & set(OF_OUTSIDE)
