"""Sets of negative electrodes in files: those that ship with the project, and those of others."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from models import yamltext
from models.anode.parameters import POINTS, AnodeParameters, Electrolyte, Layer, Powers
from models.fields import POSITIVE, Fields, Span
from models.shipped import find, names
from models.tables import Vector

LEAST = 1e-3
"""Share of the largest exchange current below which it does not fall: in empty and full particles it would be 0."""
FRACTION = Span(above=0.0, at_most=1.0)
STOICHIOMETRY = np.linspace(0.0, 1.0, POINTS)

_KEYS = (
    "name", "sources", "assumed", "reference", "electrode", "separator", "counter", "particle", "potential", "exchange",
    "electrolyte",
)  # fmt: skip
_LAYER = ("thickness", "porosity", "bruggeman")
_EXCHANGE = ("rate", "soc", "density", "activation")


def available_anodes() -> tuple[str, ...]:
    """List the sets that ship with the project, in alphabetical order."""
    return names("anode")


def load_anode(name_or_path: str | Path) -> AnodeParameters:
    """Read a set by the name of a shipped file, or from a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError` when there is no such set or its file is wrong.
    """
    return _read(find("anode", name_or_path))


def written(name_or_path: str | Path) -> dict[str, Any]:
    """Give the keys of a set as they are written in its file; raises `CellFileError` like `load_anode`."""
    load_anode(name_or_path)  # says what is wrong with it
    return dict(yamltext.parse(find("anode", name_or_path).read_text(encoding="utf-8")))


def _read(path: Path) -> AnodeParameters:
    return of_fields(Fields.read(path, _KEYS))


def parameters_of(content: Mapping[str, Any]) -> AnodeParameters:
    """Read a set from what was `written`, as a recording keeps it; raises `CellFileError`."""
    return _recorded(json.dumps(content))


@lru_cache(maxsize=8)
def _recorded(text: str) -> AnodeParameters:
    """Read once: a figure is computed again and again for its uncertainty."""
    return of_fields(Fields("the negative electrode of the recording", json.loads(text), _KEYS))


def of_fields(fields: Fields) -> AnodeParameters:
    """Read a set from the keys of a mapping; raises `CellFileError`."""
    own = fields.section("electrode", (*_LAYER, "active", "conductivity", "empty", "full"))
    particle = fields.section("particle", ("radius", "saturation", "diffusivity", "activation", "surface_area"))
    radius, active = particle.number("radius", POSITIVE), own.number("active", FRACTION)
    saturation, electrolyte = particle.number("saturation", POSITIVE), _electrolyte(fields)
    empty = own.number("empty", Span(at_least=0.0, at_most=1.0))
    full = own.number("full", Span(above=empty, at_most=1.0))
    exchange = fields.section("exchange", _EXCHANGE)
    density, order = _exchange_current(exchange, saturation, electrolyte.concentration, (empty, full))
    return AnodeParameters(
        name=fields.text("name"),
        electrode=_layer(own),
        separator=_layer(fields.section("separator", _LAYER)),
        counter=_layer(fields.section("counter", _LAYER)),
        electrolyte=electrolyte,
        active=active,
        conductivity=own.number("conductivity", POSITIVE),
        empty=empty,
        full=full,
        radius=radius,
        saturation=saturation,
        diffusivity=particle.number("diffusivity", POSITIVE),
        diffusivity_activation=_or(particle, "activation", 0.0),
        surface_area=_or(particle, "surface_area", 3.0 * active / radius),
        potential=_potential(fields),
        exchange_current=density,
        exchange_activation=exchange.number("activation", Span(at_least=0.0)),
        order=order,
        reference=fields.number("reference"),
        sources=fields.texts("sources"),
        assumed=fields.choices("assumed", (*_KEYS, "activation")) if fields.has("assumed") else (),
    )


def _or(fields: Fields, key: str, otherwise: float) -> float:
    return fields.number(key, Span(at_least=0.0)) if fields.has(key) else otherwise


def _layer(fields: Fields) -> Layer:
    return Layer(
        fields.number("thickness", POSITIVE),
        fields.number("porosity", Span(above=0.0, at_most=1.0)),
        fields.number("bruggeman", Span(at_least=0.0)),
    )


def _electrolyte(fields: Fields) -> Electrolyte:
    section = fields.section(
        "electrolyte", ("concentration", "transference", "thermodynamic_factor", "diffusivity", "conductivity")
    )
    return Electrolyte(
        section.number("concentration", POSITIVE),
        section.number("transference", Span(at_least=0.0, at_most=1.0)),
        section.number("thermodynamic_factor", POSITIVE),
        _powers(section.section("diffusivity", ("powers", "coefficients"))),
        _powers(section.section("conductivity", ("powers", "coefficients"))),
    )


def _powers(fields: Fields) -> Powers:
    powers = fields.curve("powers", allowed=Span(at_least=0.0))
    return Powers(powers, fields.curve("coefficients", len(powers)))


def _potential(fields: Fields) -> Vector:
    """V over stoichiometry: as a table, or as a sum of exponentials and of steps (hyperbolic tangents)."""
    section = fields.section("potential", ("stoichiometry", "volts", "offset", "exponentials", "steps"))
    if section.has("stoichiometry"):
        knots = section.rising("stoichiometry")
        return np.interp(STOICHIOMETRY, knots, section.curve("volts", len(knots)))
    volts = np.full(POINTS, section.number("offset"))
    for each in section.sections("exponentials", ("height", "rate")):
        volts += each.number("height") * np.exp(each.number("rate", Span(at_most=0.0)) * STOICHIOMETRY)
    for each in section.sections("steps", ("height", "steepness", "at")):
        volts += each.number("height") * np.tanh(each.number("steepness") * (STOICHIOMETRY - each.number("at")))
    return volts


def _exchange_current(
    fields: Fields, saturation: float, concentration: float, window: tuple[float, float]
) -> tuple[Vector, float]:
    """A/m2 over stoichiometry, and its order in the salt: as a table over the cell's charge, or by a rate constant."""
    if fields.has("density"):
        soc = fields.rising("soc")
        known = np.interp(
            (STOICHIOMETRY - window[0]) / (window[1] - window[0]), soc, fields.curve("density", len(soc), POSITIVE)
        )
        return known, 0.0
    rate = fields.number("rate", POSITIVE)
    density = rate * saturation * np.sqrt(concentration * STOICHIOMETRY * (1.0 - STOICHIOMETRY))
    return np.maximum(density, LEAST * density.max()), 0.5
