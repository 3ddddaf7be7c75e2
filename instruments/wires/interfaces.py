"""Interfaces to CAN that python-can knows, held against what a station file names before anything is opened."""

from collections.abc import Mapping
from contextlib import suppress

from instruments.wording import nearest


def refuse_unknown_interface(settings: Mapping[str, object]) -> None:
    """Raise `ValueError` for settings whose interface python-can does not know; opens nothing.

    Settings without one are python-can's to complete, from its own file or the environment.
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
