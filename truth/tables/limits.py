"""Where every limit of the shipped packs comes from, and what a specimen's own accepted figures find that they do not.

A type's limits are as wide as their sources. A pack that has lost 5 % of its capacity, or whose resistance has grown to
one and a half times, may meet them all: held against its own accepted run it must fail, in every chemistry. A healthy
one must not, whatever instruments of the same kinds measure it.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.accepted import Accepted, AcceptedValue
from bench.pack import SHIPPED, PackFile, load_pack
from bench.recording.run import TestIdentity
from bench.requirements import UNCONDITIONAL, Limits
from bench.running.setup import Setup
from bench.scenario import (
    Charge,
    Pulse,
    Soak,
    Step,
    current_below,
    full_discharge,
    soc_above,
    standard_charge,
)
from bench.station import StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import Measurement, Verdict
from reports import kpi, specimen
from reports.kpi import Kpi
from reports.recording import Recording
from reports.requirements import Bounds, limits_of
from reports.uncertainty import uncertainty
from truth.report import Row, markdown

STATION = "virtual-module"
PACKS = ("lfp-24s", "nmc811-24s", "lnmo-24s", "li-metal-24s")
TEMPERATURE = 25.0
OTHER_METERS = 1
"""Which other drawing of the instruments measures the healthy pack again."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a specimen has to keep: how it is measured, and under which condition the packs require it."""

    steps: Callable[[PackFile], tuple[Step, ...]]
    of: Callable[[Recording], Kpi]
    at: str = UNCONDITIONAL


CAPACITY = Figure(
    lambda pack: (standard_charge("fill the pack"), Soak(TEMPERATURE), full_discharge(pack, "C/3")),
    lambda run: kpi.capacity(run, "discharge"),
    "C/3",
)
RESISTANCE = Figure(
    lambda pack: (
        Charge("C/3", until=[soc_above(0.50), current_below("C/20")], name="charge to 50 %"), Soak(TEMPERATURE),
        Pulse("1C", duration=18),
    ),
    lambda run: kpi.dc_resistance(run, "pulse"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A pack as it is found, and what must come of it against its own accepted figure."""

    words: str
    figure: Figure
    expected: Verdict
    defects: tuple[str, ...] = ()
    meters: int = 0


CASES = (
    Case("healthy, other meters", CAPACITY, Verdict.PASS, meters=OTHER_METERS),
    Case("95 % of its capacity", CAPACITY, Verdict.FAIL, ("aged:0.95",)),
    Case("healthy, other meters", RESISTANCE, Verdict.PASS, meters=OTHER_METERS),
    Case("1.5 times its resistance", RESISTANCE, Verdict.FAIL, ("aged:1:1.5",)),
)


def main(_data: Path | None) -> bool:
    """Print both tables; whether every limit has a source, and every case its verdict."""
    limits = [row for pack in shipped() for row in limits_with_sources(pack)]
    print(markdown("Limits of the shipped packs", ("pack", "limit", "condition", "value", "from"), limits))
    print()
    cases = [row for name in PACKS for row in against_itself(name)]
    header = ("pack", "found", "figure", "accepted", "measured", "limit of the specimen", "specimen", "type", "reached")
    print(markdown("Specimens against their own accepted figures, at 25 °C", header, cases))
    return all(row.reached for row in (*limits, *cases))


def shipped() -> list[PackFile]:
    """Every pack that ships."""
    return [load_pack(file.stem)[0] for file in sorted(SHIPPED.glob("*.yaml"))]


def limits_with_sources(pack: PackFile) -> Iterator[Row]:
    """A line for each limit of a pack: those that are never exceeded, and those that a figure must reach."""
    for name, written in pack.limits.model_dump(exclude_unset=True).items():
        source = pack.sources.get(f"limits.{name}", "")
        yield Row((pack.name, name.replace("_", " "), "never beyond", _limit(written), source), bool(source))
    for key, conditions in pack.requirements.items():
        for at, table in conditions.items():
            source = pack.source_of(key, at)
            yield Row((pack.name, key, at, _by_temperature(table), source), bool(source))


def _limit(written: object) -> str:
    if not isinstance(written, Mapping):
        return f"{written}"
    if set(written) == {"min", "max"}:
        return f"{written['min']:g} to {written['max']:g}"
    return _by_temperature(written)


def _by_temperature(table: Limits) -> str:
    return ", ".join(f"{at:g} °C: {'no limit' if limit is None else f'{limit:g}'}" for at, limit in table.items())


def against_itself(name: str) -> Iterator[Row]:
    """A line for each case of one pack."""
    pack, _ = load_pack(name)
    accepted = {id(figure): accept(pack, figure) for figure in (CAPACITY, RESISTANCE)}
    for case in CASES:
        value = accepted[id(case.figure)]
        measured = measure(pack, case.figure, case.defects, case.meters)
        yield _row(pack, case, measured, value)


def accept(pack: PackFile, figure: Figure) -> AcceptedValue:
    """What is kept of a healthy pack."""
    found = measure(pack, figure)
    return AcceptedValue(
        kpi=found.key, at=figure.at, temperature=TEMPERATURE, value=found.value, uncertainty=uncertainty(found),
        unit=found.unit, run="accepted",
    )  # fmt: skip


def measure(pack: PackFile, figure: Figure, defects: tuple[str, ...] = (), meters: int = 0) -> Kpi:
    """A figure of the pack with seeded defects, by another drawing of the meters."""
    station, file = load_station(STATION)
    setup = Setup(drawn_from(station, meters), file, *load_pack(pack.name), 0, defects)
    with tempfile.TemporaryDirectory() as folder:
        bench = TestBench(setup, Path(folder), TestIdentity("limits", pack.name, "limits"))
        bench.open()
        try:
            return figure.of(Recording(*bench.run(*figure.steps(pack))))
        finally:
            bench.conclude()


def drawn_from(station: StationFile, specimens: int) -> StationFile:
    """The same bench with other specimens of its instruments."""
    assert station.virtual is not None
    return station.model_copy(update={"virtual": station.virtual.model_copy(update={"specimens": specimens})})


def _row(pack: PackFile, case: Case, measured: Kpi, accepted: AcceptedValue) -> Row:
    spread = uncertainty(measured)
    own = specimen.limits_of(measured, spread, Accepted((accepted,)), case.figure.at, TEMPERATURE)
    assert own is not None
    itself = judged(measured, own)
    of_type = judged(measured, limits_of(measured, pack, at=case.figure.at, temperature=TEMPERATURE), spread)
    limit = own.at_least if own.at_least is not None else own.at_most
    reached = itself is case.expected
    return Row(
        (
            pack.name, case.words, measured.key, f"{accepted.value:.4g} ± {accepted.uncertainty:.2g} {accepted.unit}",
            f"{measured.value:.4g} ± {spread:.2g}", f"{limit:.4g}", str(itself), str(of_type),
            "yes" if reached else "NO",
        ),
        reached,
    )  # fmt: skip


def judged(measured: Kpi, bounds: Bounds, spread: float = 0.0) -> Verdict:
    """The verdict of a figure by its limits."""
    return Measurement(
        measured.name, measured.value, measured.unit, bounds.at_least, bounds.at_most, uncertainty=spread
    ).verdict
