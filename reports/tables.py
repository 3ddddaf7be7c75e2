"""What was measured and computed in a run, as one table for people: values, limits, margins, verdicts.

Allure's descriptions, the CSV and the front page all show these rows; nothing is judged here.
"""

from collections.abc import Iterable, Mapping
from csv import writer
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from math import isfinite, nan
from typing import Any

from bench.accepted import figure_named
from bench.plain import no_formula
from bench.verdicts import FAILED, Measurement
from reports.panels import readable

MILLI = {"V", "Ω", "A", "Ohm"}
HEAD = ("Quantity", "Value", "± (k = 2)", "Mostly", "Allowed", "Margin", "", "Step", "Limit from")
FIELDS = (
    "name", "value", "unit", "at_least", "at_most", "uncertainty", "step", "requirement", "required", "source",
    "unmeasurable", "unstated", "in_limit",
)  # fmt: skip
NO_LIMIT, NO_SOURCE = "no limit", "no source"
"""What is said of a figure that was asked for and nobody limits, and of a limit that the pack file gives no source."""
NUMBER = 12
"""Letters of a cell up to which it is a number with its unit, and stays on one line."""
SHORT, LONG = 1e3, 1e9
"""Between which whole numbers are written out: nobody reads a power of ten."""
COUNTS = 0.1
"""Share of the variance from which on a contribution counts."""


def _shown(row: "Row") -> str:
    """The value, or why this bench has none."""
    why = row.measurement.unmeasurable if row.measurement else None
    return f"not measurable here: {why}" if why else quantity(row.value, row.unit)


def _named(contribution: Mapping[str, Any]) -> str:
    return f"{contribution['source']}{' (assumed)' if contribution.get('assumed') else ''}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a run; `measurement` is None where nobody set a limit for it."""

    name: str
    value: float
    unit: str
    step: str
    definition: str = ""
    measurement: Measurement | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    """What the manifest has of its uncertainty: `uncertainty`, `coverage`, `contributions`, `ended_by`."""
    decided: Mapping[str, Any] = field(default_factory=dict)
    """Which cell or sensor decided it, `text`, and when, `time` (s of test time); empty where it passed."""

    @property
    def uncertainty(self) -> float | None:
        """Half-width of the interval that the truth is in, in `unit`: as judged, else as computed; None: unknown."""
        stated = self.measurement.known_to if self.measurement else None
        found = stated or self.known.get("uncertainty")
        return float(found) if found and isfinite(found) else None

    @property
    def contributions(self) -> str:
        """The largest contributions to its uncertainty, in words: `supply current, offset 1.1 mAh`."""
        listed = self.known.get("contributions") or ()
        return "; ".join(f"{_named(each)} {quantity(each['standard'], self.unit)}" for each in listed)

    @property
    def mostly(self) -> str:
        """What contributes most, and whether that is assumed of its meter."""
        return _named(next(iter(self.known.get("contributions") or ()), {"source": ""}))

    @property
    def assumed(self) -> str:
        """What counts of its uncertainty and was read in no data sheet and no certificate; empty: nothing."""
        listed = self.known.get("contributions") or ()
        whole = sum(float(each["standard"]) ** 2 for each in listed)
        counts = [each for each in listed if each.get("assumed") and float(each["standard"]) ** 2 >= COUNTS * whole]
        return ", ".join(str(each["source"]) for each in counts)

    @property
    def explained(self) -> str:
        """Definition, what ended the step, and where the uncertainty comes from, in sentences."""
        ended, by = self.known.get("ended_by"), self.known.get("end_uncertainty")
        parts = [self.definition]
        if ended:
            parts.append(f"Ended by {ended}: that alone moves it by ±{quantity(by or 0.0, self.unit)}.")
        if self.contributions:
            parts.append(f"Standard uncertainties (k = {self.known.get('coverage', 2):g}): {self.contributions}.")
        if self.assumed:
            parts.append(f"Assumed, because no data sheet and no certificate was at hand: {self.assumed}.")
        return " ".join(part for part in parts if part)

    @property
    def verdict(self) -> str:
        """Verdict of the measurement, nothing where there is no limit; what was never measured fails all the same."""
        judged = self.measurement
        return str(judged.verdict) if judged and judged.judged else ""

    @property
    def allowed(self) -> str:
        """The limits in words: `≥ 2.2 Ah`; why nobody knows them; `no limit` of what was asked and nobody limits."""
        if not self.measurement:
            return ""
        if self.measurement.unstated:
            return self.measurement.unstated
        bounds = (("≥", self.measurement.at_least), ("≤", self.measurement.at_most))
        told = [f"{sign} {quantity(limit, self.unit)}" for sign, limit in bounds if limit is not None]
        return ", ".join(told) or NO_LIMIT

    @property
    def source(self) -> str:
        """Where the limits come from, as the pack file says it; `no source` where it limits and does not say it.

        Of a limit that a specimen gives itself: the run that was accepted of it.
        """
        judged = self.measurement
        if judged is None or judged.at_least is judged.at_most is None:
            return ""
        return judged.source or (NO_SOURCE if judged.required else "")

    @property
    def margin(self) -> float | None:
        """Distance to the nearest limit in `unit`, negative when violated."""
        margin = self.measurement.margin if self.measurement else None
        return margin if margin is not None and isfinite(margin) else None

    @property
    def relative_margin(self) -> float | None:
        """The margin as a part of its limit; None where that limit is 0 or there is none."""
        if self.margin is None or self.measurement is None:
            return None
        limits = [limit for limit in (self.measurement.at_least, self.measurement.at_most) if limit is not None]
        nearest = min(limits, key=lambda limit: abs(self.value - limit))
        return self.margin / abs(nearest) if nearest else None


def measurement_of(fields: Mapping[str, Any]) -> Measurement:
    """Rebuild a measurement from the manifest or the event log."""
    known: dict[str, Any] = {key: fields.get(key) for key in FIELDS} | {"subject": fields.get("subject") or "pack"}
    known["value"] = nan if known["value"] is None else float(known["value"])
    known["uncertainty"] = known["uncertainty"] or 0.0
    return Measurement(**known)


def gaps_of(manifest: Mapping[str, Any]) -> list[str]:
    """One sentence for every time that the run was resumed."""
    return [gap["text"] for gap in (manifest.get("resumed_from") or {"gaps": []})["gaps"]]


def causes_of(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Everything that went wrong in a run, in the order of time: the first one is its cause."""
    first = manifest.get("cause")
    listed = list(manifest.get("causes") or ())
    return listed or ([first] if first else [])


def decided_of(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Which cell or sensor decided what was missed, by the name of the figure or limit, and its step."""
    return {(each["name"], each["step"]): each for each in manifest.get("decided", ())}


def rows_of(manifest: Mapping[str, Any]) -> list[Row]:
    """List what was judged first, then what was only computed; a KPI with a limit shows up once."""
    kpis = {(kpi["name"], kpi["step"]): kpi for kpi in manifest.get("kpis", ())}
    judged = set[tuple[str, str]]()
    decided = decided_of(manifest)
    rows = []
    for measurement in map(measurement_of, manifest.get("measurements", ())):
        # Judged against the type or against itself, it is one figure, and known equally well.
        figure = (figure_named(measurement.name), measurement.step or "")
        judged.add(figure)
        kpi = kpis.get(figure, {})
        rows.append(
            Row(
                measurement.name,
                measurement.value,
                measurement.unit,
                measurement.step or "",
                kpi.get("definition", ""),
                measurement,
                kpi,
                decided.get((measurement.name, measurement.step or ""), {}),
            )
        )
    return rows + [
        Row(kpi["name"], kpi["value"], kpi["unit"], kpi["step"], kpi.get("definition", ""), known=kpi)
        for figure, kpi in kpis.items()
        if figure not in judged
    ]


def tightest(rows: Iterable[Row]) -> Row | None:
    """Find the judged row nearest to, or furthest beyond, its limit."""
    judged = [row for row in rows if row.relative_margin is not None]
    return min(judged, key=lambda row: row.relative_margin or 0.0, default=None)


def quantity(value: float | None, unit: str, signed: bool = False) -> str:
    """Write a value so that it can be read: `21.4 mV`, `98.3 %`, `47 min 15 s`, `2.262 Ah`, `11040 W`."""
    if value is None or not isfinite(value):
        return "not measured"
    sign = "+" if signed and value > 0 else ""
    if unit == "s":
        return f"{'-' if value < 0 else sign}{readable(abs(value))}"
    if unit in MILLI and 0 < abs(value) < 0.1:
        return f"{sign}{1000 * value:.3g} m{unit}"
    return f"{sign}{value:.0f} {unit}" if SHORT <= abs(value) < LONG else f"{sign}{value:.4g} {unit}"


def as_csv(rows: Iterable[Row]) -> str:
    """Write the table for a spreadsheet, with full digits; what somebody has named is text there, and no formula."""
    out = StringIO()
    table = writer(out, lineterminator="\n")
    table.writerow([
        "quantity", "value", "unit", "at least", "at most", "uncertainty", "verdict", "step", "definition",
        "contributions", "source",
    ])  # fmt: skip
    for row in rows:
        judged = row.measurement
        limits = (judged.at_least, judged.at_most) if judged else (None, None)
        words = map(no_formula, (row.step, row.definition, row.contributions, row.source))
        table.writerow([
            no_formula(row.name), f"{row.value:.9g}", row.unit, *limits, row.uncertainty, row.verdict, *words,
        ])  # fmt: skip
    return out.getvalue()


def as_html(rows: Iterable[Row]) -> str:
    """Write the table with inline styles only, the one kind that Allure's descriptions keep.

    Words wrap, which Allure's own style forbids: what is beyond the edge of the frame nobody sees, and there is the
    verdict.
    """
    style = "padding:3px 8px 3px 0;border-bottom:1px solid #8883;text-align:left;vertical-align:top"
    cell, whole = (f'style="{style};white-space:{wrapped}"' for wrapped in ("normal", "nowrap"))
    colors: dict[str, str] = {"PASS": "#2e7d32", **dict.fromkeys(FAILED.values(), "#c62828"), "INCONCLUSIVE": "#8a6d00"}
    head = "".join(f"<th {cell}>{name}</th>" for name in HEAD)
    body = ""
    for row in rows:
        verdict = f'<b style="color:{colors.get(row.verdict, "inherit")}">{row.verdict}</b>'
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None else ""
        spread = quantity(row.uncertainty, row.unit) if row.uncertainty else ""
        spread += " (assumed)" if spread and row.assumed else ""
        values = (row.name, _shown(row), spread, row.mostly, row.allowed, margin)
        cells = [escape(text) for text in values] + [verdict, escape(row.step), escape(row.source)]
        body += (
            f'<tr title="{escape(row.explained)}">'
            + "".join(f"<td {whole if len(text) <= NUMBER else cell}>{text}</td>" for text in cells)
            + "</tr>"
        )
    return f'<table style="border-collapse:collapse;font-size:13px"><tr>{head}</tr>{body}</table>'
