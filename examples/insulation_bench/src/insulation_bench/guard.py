"""The guard limit, and the faults that this package can name.

Declared in `pyproject.toml`: the limit in the group `packbench.limits`, each fault in the group `packbench.faults`
under its id. A fault says who is to blame: what the tester reads is the pack's, what the tester does is the bench's.
"""

from collections.abc import Iterable

from packbench import Fault, Limit, PackFile, StationFile

from insulation_bench.role import NAME, RESISTANCE

LEAST = 100.0
"""Ohm/V that ISO 6469-3 asks of a d.c. circuit at least, over the highest working voltage."""

LEAK_TO_CASE = Fault(
    name="leak to the case",
    meaning="The insulation between the pack and its case is worse than may be touched: its case may be live.",
    detection=f"Insulation resistance below {LEAST:g} Ohm per volt of the pack, while the test voltage is on.",
    layer="guard",
    action="trip",
    blame="pack",
    defects=("leak", "insulation"),
)
CONTACTOR_NOT_OPEN = Fault(
    name="contactor not open",
    meaning="The BMS did not open its contactors: a test voltage would reach the instruments of the bench.",
    detection="BMS state, before a test voltage is put on.",
    layer="engine",
    action="end",
    blame="bench",
    defects=("contactor-welded",),
)
TEST_VOLTAGE_LOST = Fault(
    name="test voltage lost",
    meaning="The tester has switched its test voltage off by itself: an interlock, a cover, a hand on its panel.",
    detection="Test voltage and insulation resistance of each scan while the test voltage should be on.",
    layer="engine",
    action="end",
    blame="bench",
    defects=("interlock-opens",),
)
INSULATION_NOT_SETTLED = Fault(
    name="insulation reading not settled",
    meaning="The reading goes on moving: a connection is loose, or the insulation is wet.",
    detection="Readings ten seconds apart, from the end of the dwell on.",
    layer="engine",
    action="end",
    blame="bench",
)
NOT_DISCHARGED = Fault(
    name="test object not discharged",
    meaning="More than 60 V d.c. of the test voltage is left on the pack's insulation, or nobody can tell.",
    detection="Residual voltage after the test voltage was taken off.",
    layer="engine",
    action="end",
    blame="bench",
    defects=("discharge-slow", "test-voltage-stays-on"),
)


def limits(pack: PackFile, station: StationFile) -> Iterable[Limit]:
    """Nothing where no tester is. There is a resistance to guard only while the test voltage is on."""
    if station.players(NAME):
        yield Limit(
            "leak-to-case", RESISTANCE, "Ohm", at_least=LEAST * pack.voltage_max, debounce=1.0, when="measured",
            explains=frozenset({"insulation", "bms-fault"}),
        )  # fmt: skip
