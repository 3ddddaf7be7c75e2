"""Driver names of station files, and the classes behind them, imported when first asked for.

A short name is one of ours or of an installed package (entry point group `packbench.drivers`); a dotted
`package.module:Class` names any other. Nothing here opens an instrument.
"""

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from instruments.driver import DriverClass, did_you_mean

ENTRY_POINT_GROUP = "packbench.drivers"

BUILT_IN = {
    "agilent-34970a": "instruments.agilent_34970a:Agilent34970a",
    "chroma-63600": "instruments.chroma_63600:Chroma63600",
    "ea-psb10000": "instruments.ea_psb10000:EaPsb10000",
    "foxbms": "instruments.foxbms:FoxBms",
    "ngi-n83624": "instruments.ngi_n83624:NgiN83624",
    "weiss-simserv": "instruments.weiss_simserv:WeissSimServ",
}


class UnknownDriver(ValueError):
    """A station file names a driver that is not there."""


def driver_names() -> tuple[str, ...]:
    """All short names, sorted: ours and those of installed packages."""
    return tuple(sorted(_known()))


def driver_class(name: str) -> DriverClass:
    """Return the class behind a short name or `package.module:Class`. Raises `UnknownDriver`."""
    known = _known()
    path = known.get(name, name)
    if ":" not in path:
        allowed = ", ".join(sorted(known))
        raise UnknownDriver(
            f"There is no driver {name!r}{did_you_mean(name, known)}; known are {allowed}, "
            "or write package.module:Class."
        )
    module, _, attribute = path.partition(":")
    try:
        return cast("DriverClass", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise UnknownDriver(f"The driver {name!r} cannot be imported: {error}; check its spelling.") from error


def is_dotted(name: str) -> bool:
    """Whether a name is the path of a class that nobody has registered, rather than a short name."""
    return ":" in name and name not in _known()


def _known() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)} | BUILT_IN
