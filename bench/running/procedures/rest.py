"""A rest: no current, outputs off, chamber and contactors as they are."""

from bench.running.procedures.base import Procedure
from bench.scenario import Rest


class RestProcedure(Procedure[Rest]):
    """Looks on."""

    kind = Rest
