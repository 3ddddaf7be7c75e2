"""What an open bench consists of, as a run's manifest keeps it: instruments, protections, accuracies."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.accuracies import accuracies
from bench.players import Driver
from bench.station import StationFile
from instruments.accuracy import HasDataSheet
from instruments.roles import FollowsCells, Identity, Protections


def instruments(
    station: StationFile, drivers: Mapping[str, Driver], identities: Mapping[str, Identity]
) -> list[dict[str, Any]]:
    """Every instrument of the station file: who it said it is, when its calibration ends, how well it measures."""
    return [_instrument(name, station, drivers.get(name), identities.get(name)) for name in station.instruments]


def protections(armed: Mapping[str, Protections]) -> list[dict[str, Any]]:
    """What was read back of the instruments' own protections (V, A, W, s, degC)."""
    return [{"instrument": name, **_protection(each)} for name, each in armed.items()]


def _protection(armed: Protections) -> dict[str, Any]:
    return {
        "over_voltage": armed.over_voltage,
        "over_current": armed.over_current,
        "over_power": armed.over_power,
        "watchdog": armed.watchdog,
        "under_temperature": armed.under_temperature,
        "over_temperature": armed.over_temperature,
    }


def _instrument(name: str, station: StationFile, driver: Driver | None, identity: Identity | None) -> dict[str, Any]:
    entry = station.instruments[name]
    return {
        "name": name,
        "driver": entry.driver,
        "resource": entry.address,
        "roles": list(entry.roles),
        **(asdict(identity) if identity else {}),
        "calibration_due": entry.calibration_due.isoformat() if entry.calibration_due else None,
        "accuracy": _accuracies(name, station, driver, "" if identity is None else identity.model),
        **_pace(driver, entry.scan_period),
    }


def _pace(driver: Driver | None, period: float | None) -> dict[str, float]:
    """How rarely an instrument is asked, and how long an emulator takes to oppose what cells would by then (s)."""
    own = {} if period is None else {"scan_period": period}
    return {**own, "follows": driver.follows} if isinstance(driver, FollowsCells) else own


def _accuracies(name: str, station: StationFile, driver: Driver | None, model: str) -> dict[str, Any]:
    """How well each channel of an instrument is known, as it is kept: each range of it, the smallest first."""
    if driver is None:
        return {}
    entry = station.instruments[name]
    sheet = driver.data_sheet(model, entry.options) if isinstance(driver, HasDataSheet) else {}
    known = accuracies(driver.channels, sheet, entry.accuracy, entry.calibration, station.room)
    return {channel: [each.as_dict() for each in ranges] for channel, ranges in known.items()}
