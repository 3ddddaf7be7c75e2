"""Interfaces to CAN that python-can knows, held against what a station file names before anything is opened."""

import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from importlib import import_module

from instruments.wording import nearest

OF_EVERY_INTERFACE = frozenset({
    "interface", "channel", "config_context", "ignore_config",
    "bitrate", "data_bitrate", "fd", "timing", "can_filters", "receive_own_messages",
})  # fmt: skip
"""What python-can takes for any interface: arguments of its `Bus`, and names that its configuration gives a meaning."""
TIMINGS = "BitTiming", "BitTimingFd"
"""Of python-can: their arguments may stand in the place of a `timing`."""
_PARAMETER = re.compile(r":param[^:\n]*?(\w+):")
_TAKEN = re.compile(r"kwargs(?:\.get|\.pop)?[(\[]\s*[\"'](\w+)")


def refuse_unknown_settings(settings: Mapping[str, object]) -> None:
    """Raise `ValueError` for an interface that nobody knows, or a key that the interface does not; opens nothing.

    Settings without an interface are python-can's to complete, from its own file or the environment.
    """
    from can import VALID_INTERFACES
    from can.util import load_config

    found = settings.get("interface")
    if found is None:
        # Also one that it is configured for and does not know is none.
        with suppress(NotImplementedError, ValueError, OSError):
            found = load_config(config=dict(settings)).get("interface")
    if not isinstance(found, str) or found not in VALID_INTERFACES:
        what = "names no interface" if found is None else f"has an unknown interface {found!r}"
        raise ValueError(f"its CAN bus {what}; {nearest(str(found or ''), VALID_INTERFACES)}")
    known = _keys(found)
    for key in settings:
        if known and key not in known:
            raise ValueError(
                f"its CAN bus has a key {key!r} that the interface {found!r} does not know; {nearest(key, known)}"
            )


def _keys(interface: str) -> Collection[str]:
    """What may be said to an interface; empty where nobody can know.

    One of python-can's own takes by name what its signature, its documentation or its code names. One of another
    package that takes anything may hand it on; one that does not says so by `names_all_keys`. One whose library is not
    installed here says so itself, when it is opened.
    """
    from can.interfaces import BACKENDS

    module, name = BACKENDS[interface]
    bus: type | None = None
    with suppress(Exception):  # whatever a library does that is not there, or a maker's package while it is imported
        bus = getattr(import_module(module), name)
    if bus is None:
        return ()
    named = set(inspect.signature(bus).parameters.values())
    keys = {each.name for each in named if each.kind is not each.VAR_KEYWORD}
    if len(keys) == len(named):
        return keys | {"interface", "config_context", "ignore_config"}
    if module.startswith("can."):
        keys |= {each for each in _said(bus) if each != "kwargs"}
    elif not getattr(bus, "names_all_keys", False):
        return ()
    return {each for each in keys if not each.startswith("_")} | OF_EVERY_INTERFACE | _of_timings()


def _said(bus: type) -> Iterator[str]:
    """What an interface of python-can's documents beside its signature, and what its code looks for."""
    for kind in (each for each in bus.__mro__ if each.__module__.startswith("can.interfaces.")):
        for documented in (kind, vars(kind).get("__init__")):
            yield from _PARAMETER.findall(getattr(documented, "__doc__", None) or "")
        with suppress(OSError):  # no source, in a frozen program
            yield from _TAKEN.findall(inspect.getsource(kind))


def _of_timings() -> frozenset[str]:
    import can

    return frozenset(name for kind in TIMINGS for name in inspect.signature(getattr(can, kind)).parameters)
