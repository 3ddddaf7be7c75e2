"""The charger that a station's source and sink stand for: its section `charger:` in the station file.

```yaml
charger: {charge: 11000, discharge: 11000, dead_time: 0.5, ramp: 5000}
```

A charger of the bench's own has no box: its losses, its dead time and its ramp are modelled, and stated with each run.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from bench import columns, files
from models.grid.charger import Charger

Watts = Annotated[float, Field(ge=0, description="W")]
_MODELLED = Charger()


class ChargerSettings(files.FileModel):
    """See `models.grid.charger.Charger`; what is left out is that of the measured V2G car."""

    charge: float = Field(default=_MODELLED.charge, gt=0, description="W at the AC side, at most")
    discharge: Watts = _MODELLED.discharge
    least: Watts = _MODELLED.least
    standby: Watts = _MODELLED.standby
    proportional: float = Field(default=_MODELLED.proportional, ge=0, lt=0.5, description="lost of each W")
    quadratic: float = Field(default=_MODELLED.quadratic, ge=0, description="1/W")
    idle: Watts = _MODELLED.idle
    dead_time: float = Field(default=_MODELLED.dead_time, ge=0, description="s")
    ramp: float = Field(default=_MODELLED.ramp, gt=0, description="W/s")

    def made(self) -> Charger:
        """The charger."""
        return Charger(**self.model_dump())


def noted(modelled: ChargerSettings | None, played: Sequence[str]) -> tuple[str, ...]:
    """Columns that a bench fills in itself: those of the grid side, where a box or a model of one is its charger."""
    return columns.GRID if modelled is not None or "charger" in played else ()


def at_the_grid(modelled: ChargerSettings | None) -> Mapping[str, Any]:
    """What a world is told of the charger that its source and sink are; nothing where they are none: few know one."""
    return {} if modelled is None else {"charger": modelled.model_dump()}
