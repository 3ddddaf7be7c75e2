"""Traceability: what was tested, by what, and until when that is calibrated."""

from datetime import date
from html import escape

from reports import markup
from reports.front.shown import Device, Shown
from reports.markup import table
from reports.results import environment

ORDER = 90


def section(shown: Shown) -> str:
    """What all runs have in common, and every instrument."""
    manifests = shown.manifests
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in environment(manifests).items()
    )
    today = max((str(manifest.get("started") or "")[:10] for manifest in manifests), default="")
    rows = "".join(_device(device, today) for device in shown.devices)
    names = ("Instrument", "Model", "Serial", "Firmware", "Address", "Calibrated until")
    return markup.section("Traceability", table((), facts) + table(names, rows) if manifests else "")


def _device(device: Device, today: str) -> str:
    due = str(device.get("calibration_due") or "")
    expired = bool(due and today and date.fromisoformat(due) < date.fromisoformat(today))
    calibration = f'<b class="expired">{due}, expired</b>' if expired else escape(due or "unknown")
    model = f"{device.get('manufacturer', '')} {device.get('model', '')}".strip()
    values = (
        device["name"],
        model,
        device.get("serial_number"),
        device.get("firmware"),
        device.get("resource"),
    )
    told = "".join(f"<td>{escape(str(value or '-'))}</td>" for value in values)
    return f"<tr>{told}<td>{calibration}</td></tr>"
