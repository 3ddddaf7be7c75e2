"""The simulator of a foxBMS 2 node: `node` is what it does, `defects` what can be wrong with it."""

from pydantic import Field

from instruments.virtual.plants import Cells
from instruments.virtual.ports import Contactor
from instruments.virtual.simulator import Limits, Place, Settings, Simulator
from instruments.virtual.simulators.foxbms.defects import DEFECTS, WORDS
from instruments.virtual.simulators.foxbms.estimate import Estimated
from instruments.virtual.simulators.foxbms.node import FoxBms
from instruments.virtual.simulators.foxbms.sensing import Shunt

LEAK = "insulation"
"""The property that its monitor reads: the resistance from the pack to its case, Ohm."""


class FoxBmsSettings(Settings):
    """What errors it has, `errors: {soc: …, cell: …, current: …, voltage: …}` says; without it has none.

    `insulation` is what leaks from the pack to its case, Ohm; see `FoxBms` for the rest.
    """

    insulation: float = Field(default=20e6, gt=0)
    request_timeout: float | None = Field(default=None, gt=0)
    check_can_timing: bool = True


def _build(settings: FoxBmsSettings, place: Place) -> FoxBms:
    said = settings.insulation if "insulation" in settings.model_fields_set else None
    leak = place.properties.bring(LEAK, "Ohm", by=place.name, default=settings.insulation, value=said)
    seen = _seen(place)
    return FoxBms(
        place.cell,
        seen,
        place.channel,
        steps=place.steps,
        lowest_voltage=place.lowest_voltage,
        parallel=place.parallel,
        settling=place.settling,
        leak=leak,
        request_timeout=settings.request_timeout,
        check_can_timing=settings.check_can_timing,
        shunt=_shunt(place),
    )


def _shunt(place: Place) -> Shunt:
    """Drawn behind the cells' errors, so that those stay what they were."""
    stated, exact = place.specimen.stated, Limits()
    return Shunt.drawn(place.specimen.random, stated.get("current", exact), stated.get("voltage", exact))


def _seen(place: Place) -> Cells:
    """The cells as the node shows them: as they are, unless the station states errors of `soc` or `cell`."""
    stated, exact = place.specimen.stated, Limits()
    soc, cell = stated.get("soc", exact), stated.get("cell", exact)
    errors = soc != exact or cell != exact
    return Estimated(place.plant, place.specimen.random, place.clock, soc, cell) if errors else place.plant


SIMULATOR = Simulator(
    "foxbms", "foxBMS 2", FoxBmsSettings, _build, ports=(Contactor,), wire="CAN", defects=DEFECTS, words=WORDS
)
