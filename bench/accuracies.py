"""What a station file says of its meters, and what holds for each channel of an open bench by it.

The order of trust: a calibration certificate, what the station file states itself, the data sheet that the driver
brings, and where all are silent a figure that is called assumed. The rounding of the display stays the data sheet's.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import inf
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from bench import files
from bench.clock import utc_now
from instruments.accuracy import EXPANDED, LIMIT_OF_ERROR, Accuracy, DataSheet, Ranges, stem, unstated
from instruments.roles import Channel


class Errors(files.FileModel):
    """Errors of one quantity in one range: shares of 1, SI units; limits of error unless a `coverage` is given."""

    reading: float = Field(default=0.0, ge=0, lt=1, description="of the reading")
    range: float = Field(default=0.0, ge=0, lt=1, description="of the full scale")
    full_scale: float | None = Field(default=None, gt=0, description="of the range")
    offset: float = Field(default=0.0, ge=0, description="absolute")
    digits: float = Field(default=0.0, ge=0, description="counts of the resolution")
    resolution: float = Field(default=0.0, ge=0, description="the display's last digit; the data sheet's when absent")
    reading_per_kelvin: float = Field(default=0.0, ge=0, lt=1)
    range_per_kelvin: float = Field(default=0.0, ge=0, lt=1)
    temperatures: tuple[float, float] | None = Field(default=None, description="degC of the room that it holds for")
    coverage: float | None = Field(default=None, gt=0, description="factor of an expanded uncertainty")

    @model_validator(mode="after")
    def _is_complete(self) -> "Errors":
        if (self.range or self.range_per_kelvin) and self.full_scale is None:
            raise ValueError("a share of the range needs the range: give its full_scale")
        if self.digits and not self.resolution:
            raise ValueError("an accuracy in digits needs what a digit is: give the resolution")
        if (self.reading_per_kelvin or self.range_per_kelvin) and self.temperatures is None:
            raise ValueError("a temperature coefficient needs the temperatures of the room that it counts from")
        if self.temperatures is not None and self.temperatures[0] >= self.temperatures[1]:
            raise ValueError("the first of its temperatures must lie below the second")
        return self

    def accuracy(self, source: str, coverage: float | None = None) -> Accuracy:
        """The neutral record of it; `coverage` where it has none of its own."""
        return Accuracy(
            reading=self.reading, span=self.range, full_scale=inf if self.full_scale is None else self.full_scale,
            offset=self.offset, digits=self.digits, resolution=self.resolution,
            reading_per_kelvin=self.reading_per_kelvin, span_per_kelvin=self.range_per_kelvin,
            holds=self.temperatures or (-inf, inf), divisor=self.coverage or coverage or LIMIT_OF_ERROR, source=source,
        )  # fmt: skip


def _tables(key: str) -> Any:
    """One table, several, or a number: the expanded uncertainty of any reading, as `key` (reading, offset)."""

    def tables(value: Any) -> Any:
        listed = value if isinstance(value, list | tuple) or value is None else [value]
        return listed and [each if isinstance(each, Mapping) else {key: each, "coverage": EXPANDED} for each in listed]

    return BeforeValidator(tables)


OfShares = Annotated[tuple[Errors, ...] | None, _tables("reading")]
OfValues = Annotated[tuple[Errors, ...] | None, _tables("offset")]


class Quantities(files.FileModel):
    """What is stated of each quantity that an instrument measures, in each of its ranges.

    A number by itself is the expanded uncertainty of any reading: a share of it, of temperatures K, of a displayed
    state of charge a share of the whole.
    """

    voltage: OfShares = None
    current: OfShares = None
    resistance: OfShares = None
    temperature: OfValues = None
    state_of_charge: OfValues = None

    def of(self, quantity: str) -> tuple[Errors, ...]:
        """What is stated of one, by its name among channels; nothing: ()."""
        return getattr(self, quantity.replace(" ", "_"), None) or ()

    @property
    def stated(self) -> tuple[str, ...]:
        """The quantities of which something is."""
        return tuple(name for name in Quantities.model_fields if getattr(self, name))


class Certificate(Quantities):
    """A calibration: when, until when, and the expanded uncertainty that it gives each quantity."""

    certificate: str = Field(min_length=1, description="its number")
    date: dt.date
    due: dt.date
    coverage: float = Field(default=EXPANDED, gt=0, description="factor of its expanded uncertainties")

    @model_validator(mode="after")
    def _is_one(self) -> "Certificate":
        if self.due <= self.date:
            raise files.WrongAt(("due",), str(self.due), f"it must lie behind the date of the calibration, {self.date}")
        if self.date > utc_now().date():
            raise files.WrongAt(("date",), str(self.date), "a calibration cannot be in the future")
        if not self.stated:
            raise ValueError(
                "a certificate without a figure proves nothing: give voltage, current or temperature, or leave the "
                "certificate out and only say calibration_due"
            )
        return self


class Room(files.FileModel):
    """How warm it is around the instruments, degC: data sheets hold within limits, and less beyond."""

    min: float = 18.0
    max: float = 28.0

    @model_validator(mode="after")
    def _rising(self) -> "Room":
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} must lie below max {self.max:g}")
        return self


def accuracies(
    channels: Iterable[Channel], sheet: DataSheet, stated: Quantities, certificate: Certificate | None, room: Room
) -> dict[str, Ranges]:
    """How well each channel that measures something is known, by its name without a number.

    What a meter of the station's own adds to nothing it measures is left out: states, ages, limits.
    """
    found: dict[str, Ranges] = {}
    for channel in channels:
        name = stem(channel.name)
        said = _said(channel.quantity, sheet.get(name, ()), stated, certificate)
        if said or (channel.quantity in _MEASURED and not is_told(name)):
            ranges = said or (unstated(channel.quantity),)
            found.setdefault(name, [each.in_room((room.min, room.max)) for each in ranges])
    return found


_MEASURED = frozenset({"voltage", "current", "temperature", "resistance", "state of charge"})


def is_told(name: str) -> bool:
    """Whether a channel is what somebody has decided, and nothing that he has measured."""
    return name == "set point" or name.endswith("limit")


def _said(quantity: str, sheet: Ranges, stated: Quantities, certificate: Certificate | None) -> Ranges:
    digit = sheet[0].resolution if sheet else 0.0
    if certificate is not None and certificate.of(quantity):
        source = f"certificate {certificate.certificate} of {certificate.date}"
        found = [each.accuracy(source, certificate.coverage) for each in certificate.of(quantity)]
    else:
        found = [each.accuracy("station file") for each in stated.of(quantity)]
    rounded = [each if each.resolution else replace(each, resolution=digit) for each in found]
    return sorted(rounded, key=lambda each: each.full_scale) or sheet
