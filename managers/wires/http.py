"""HTTP: the contract of docs/manager-contract.md, in which a manager is told everything."""

from managers.contract import Manager
from managers.serving import serve as listen
from managers.wires import Told


def serve(manager: Manager, told: Told) -> None:
    """Answer until SIGTERM or Ctrl-C; raises `OSError` where it cannot listen."""
    listen(manager, told.port)
