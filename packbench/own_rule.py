"""A manager of a user's own: a rule, carried over a wire."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.verdicts import InputError

Decide = Callable[[Mapping[str, Any]], dict[str, Any]]
"""What a rule is: it answers a request of docs/manager-contract.md."""


def serve_manager(
    decide: Decide, over: str = "http", at: str = "", *, port: int = 0, home: str | Path | None = None
) -> None:
    """Put a rule of your own under test: serve it over "http", "modbus" or "ocpp" until SIGTERM or Ctrl-C.

    `decide` is asked what `POST /decide` of the contract of an energy manager is, whatever the wire, and answers the
    `power` in W. `at` is HOST:PORT of the box that it is a client of, over Modbus; `port` where it listens otherwise, 0
    is one that is free. `home` is a JSON file of what the wire does not tell. Raises `InputError`, one sentence, for a
    wire that there is not, or that cannot be used here.
    """
    from managers.contract import ContractError
    from managers.home import Home
    from managers.wires import Told, UnknownWire, wire_named

    try:
        told = Told(port, at, Home.of(str(home)) if home is not None else Home())
        wire_named(over)(_Rule(decide), told)
    except ImportError as error:
        raise InputError(f"over {over} it needs {error.name}: python3 -m pip install 'packbench[v2x]'.") from error
    except (UnknownWire, ContractError) as error:
        raise InputError(f"serve_manager: {error}") from error
    except (OSError, OverflowError) as error:
        raise InputError(f"serve_manager: nobody can listen at port {port}: {error}; give another, or 0.") from error


class _Rule:
    """A manager that is nothing but a rule."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer."""
        return self._decide(request)
