"""What energy costs: a tariff file, and what a road and a recharge cost by it.

```yaml
name: France, 2025
currency: EUR
prices: {at home: 0.20, fast charger: 0.45}   # for each kWh, by where it is charged
efficiency: {at home: 0.86}                   # of charger and pack together, as far as known; else 1
sources: [where the prices come from]
```
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from bench import files
from instruments.wording import nearest

Share = Annotated[float, Field(gt=0, le=1)]


class TariffFile(files.FileModel):
    """Prices for each kWh by where it is charged; `efficiency` is what of a kWh that is paid reaches the pack."""

    name: str
    currency: str = "EUR"
    prices: dict[str, float] = Field(min_length=1)
    efficiency: dict[str, Share] = Field(default_factory=dict)
    sources: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _efficiency_of_what_has_a_price(self) -> "TariffFile":
        for place in self.efficiency:
            if place not in self.prices:
                raise files.WrongAt(("efficiency", place), place, f"has no price; {nearest(place, self.prices)}")
        return self


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one place: for 100 km and for a recharge."""

    place: str
    road: float
    recharge: float


def load_tariff(path: Path) -> TariffFile:
    """Read a tariff; raises `InputError` for a file that is none."""
    return files.load(path, TariffFile, {})


def costs(tariff: TariffFile, consumption: float, recharge: float) -> list[Cost]:
    """What it costs where; `consumption` in kWh out of the pack for 100 km, `recharge` in kWh into it."""
    return [
        Cost(place, *(price * energy / tariff.efficiency.get(place, 1.0) for energy in (consumption, recharge)))
        for place, price in tariff.prices.items()
    ]
