"""How the errors of a BMS are read, whatever its make: of what was raised moment by moment, the first decides."""

from collections.abc import Collection, Iterable

from instruments.roles import BmsFault, ErrorOrigin, Side


def origin_of(moments: Iterable[Collection[BmsFault]]) -> ErrorOrigin:
    """Where errors come from that were raised moment by moment, oldest first: the first that tell anything decide.

    In one moment too much current explains the rest: it may blow a fuse, or raise a cell's voltage. Otherwise the
    pack's own error is not excused by the bench's.
    """
    for raised in moments:
        telling = [fault for fault in raised if fault.side != "unknown"]
        candidates: tuple[tuple[Side, list[BmsFault]], ...] = (
            ("bench", [fault for fault in telling if fault.about == "over-current"]),
            ("pack", [fault for fault in telling if fault.side == "pack"]),
            ("bench", telling),
        )
        for side, faults in candidates:
            if faults:
                return ErrorOrigin(side, tuple(faults))
    return ErrorOrigin("unknown")
