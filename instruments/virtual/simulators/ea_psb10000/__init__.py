"""Simulated EA Elektro-Automatik PSB 10000, a bidirectional DC supply, at the level of its SCPI messages.

Dialect, quirks and status model follow the vendor's programming guide (PGMBEN rev. 24, 2023-05-15, chapter 5;
page numbers below are its own) and, for what the interface monitor does, the manual of the ELR 10000 (33200840),
whose interfaces are the same. Not simulated: ModBus, master-slave, the function generator, the built-in
battery test, R mode (resistance set points are kept and read back; the mode stays UIP) and the analogue
interface.

`stage` is what conducts and protects, `device` who has control of it and what it says of itself, `commands` the words
that are said to it; here messages come in.
"""

from pydantic import Field

from instruments.virtual.defects.grammar import DefectKind
from instruments.virtual.defects.of_instruments import ERROR_QUEUE_FULL, OF_AN_OUTPUT
from instruments.virtual.ports import Source
from instruments.virtual.scpi import Fault, ScpiError
from instruments.virtual.simulator import Place, Simulator
from instruments.virtual.simulator import Settings as Base
from instruments.virtual.simulators.ea_psb10000.commands import GRAMMAR
from instruments.virtual.simulators.ea_psb10000.device import IDLE_CLOSE, Device

MOST_COMMANDS = 5  # in one message, p38
BUFFER = 256  # bytes, p38

# The guide has fewer numbers than SCPI-99 (p38): what it calls the faults that the grammar finds.
DIALECT: dict[int, int] = {
    Fault.UNDEFINED_HEADER: -100,
    Fault.SUFFIX_OUT_OF_RANGE: -100,
    Fault.CANNOT_QUERY: -100,
    Fault.MUST_QUERY: -100,
    Fault.MISSING_PARAMETER: -220,
    Fault.NUMERIC_DATA: -220,
    Fault.INVALID_SUFFIX: -220,
    Fault.INVALID_EXPRESSION: -102,
}


class Settings(Base):
    """Ratings in V, A and W; `idle_close` s after which it closes a silent socket, 0 for its keep-alive option."""

    voltage: float = Field(default=200.0, gt=0)
    current: float = Field(default=420.0, gt=0)
    power: float = Field(default=30000.0, gt=0)
    idle_close: float = Field(default=IDLE_CLOSE, ge=0)


class EaPsb10000(Device):
    """One specimen; see `Device`."""

    def handle(self, message: str) -> str | None:
        """Act on one message. Errors are only queued; a reply that overflows the buffer is not sent (p38)."""
        self.heard = self.clock()
        units = GRAMMAR.parse(message)
        if len(message) > BUFFER or len(units) > MOST_COMMANDS:
            self.complain(-225 if len(message) > BUFFER else -223)
            return None
        replies = []
        for unit in units:
            try:
                if isinstance(unit, ScpiError):
                    raise unit
                self.settling.stale |= not unit.query
                reply = unit.target(self, unit)
            except ScpiError as error:
                self.complain(DIALECT.get(error.number, error.number))
                continue
            if reply is not None:
                replies.append(reply)
        text = ";".join(replies)
        if len(text) > BUFFER:
            self.complain(-225)
            return None
        return text if replies else None


def _build(settings: Settings, place: Place) -> EaPsb10000:
    return EaPsb10000(place.specimen, clock=place.clock, settling=place.settling, **settings.model_dump())


SIMULATOR = Simulator(
    "ea-psb10000",
    "PSB 10200-420",
    Settings,
    _build,
    ports=(Source,),
    defects=(
        ERROR_QUEUE_FULL,
        *OF_AN_OUTPUT,
        DefectKind("local-mode:<supply>", lambda supply, _defect, _world: supply.take_local()),
        DefectKind("surge:<supply>:<factor>", lambda supply, defect, _world: supply.surge(defect.number(1))),
    ),
)
