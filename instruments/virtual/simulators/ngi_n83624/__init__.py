"""Simulated NGI N83624 battery simulator: 24 channels in series that are the battery of an emulated pack.

Commands and units (V, mA, mAh, mOhm, mW) follow the vendor's guide (N83624 SCPI V20240130, chapter 6; worked
example 7.3). In SOC mode a channel follows its uploaded table by the charge that flows through it, from the
place where the table has the start voltage; its example starts at 4.8 V between rows of 5.0 and 4.0 V, so
between rows the output is interpolated here. Not simulated: SEQ mode, CAN, the per-channel ports 7001-7024, and
how slow the hardware is (about 0.3 s a message, by a driver author's measurement).

`channels` is the battery that they are, `commands` the words that are said to them; here messages come in.
"""

from pydantic import Field

from instruments.virtual.defects.of_instruments import ERROR_QUEUE_FULL, PANEL_ON, PROTECTION_LATCHED, sense_lead_loose
from instruments.virtual.ports import Emulator
from instruments.virtual.scpi import ScpiError
from instruments.virtual.simulator import Place, Simulator
from instruments.virtual.simulator import Settings as Base
from instruments.virtual.simulators.ngi_n83624.channels import Channels
from instruments.virtual.simulators.ngi_n83624.commands import EDITS, GRAMMAR


class Settings(Base):
    """Ratings of each channel in V and A."""

    voltage: float = Field(default=6.0, gt=0)
    current: float = Field(default=5.0, gt=0)


class NgiN83624(Channels):
    """One unit; see `Channels`."""

    def handle(self, message: str) -> str | None:
        """Act on one message. What cannot be queried is answered with silence and -115 (p6)."""
        if self.clock() < self.busy_until:
            return None
        replies = []
        for unit in GRAMMAR.parse(message):
            try:
                if isinstance(unit, ScpiError):
                    raise unit
                if not unit.query:
                    self.settling.stale = True
                    self.stale = self.stale or unit.target not in EDITS
                reply = unit.target(self, unit)
            except ScpiError as error:
                self.errors.push(error.number)
                break
            if reply is not None:
                replies.append(reply)
        return ";".join(replies) if replies else None


def _build(settings: Settings, place: Place) -> NgiN83624:
    return NgiN83624(
        place.specimen, clock=place.clock, settling=place.settling, channels=place.series, **settings.model_dump()
    )


SIMULATOR = Simulator(
    "ngi-n83624",
    "N83624",
    Settings,
    _build,
    ports=(Emulator,),
    defects=(ERROR_QUEUE_FULL, PROTECTION_LATCHED, PANEL_ON, sense_lead_loose(rank=0)),
)
