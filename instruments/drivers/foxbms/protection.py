"""End-to-end protection of a BMS's frames, on the receiving side: whether the node is alive and all of it arrived.

A node that sends PackProtection (0x23F in `foxbms.dbc`, beside the foxBMS layout and optional) is checked by it; one
that does not is believed. Checksum and counter as in AUTOSAR's end-to-end profile 5 (AUTOSAR_PRS_E2EProtocol, 6.6):
CRC-16/CCITT-FALSE over the counter, the payloads and the data id; a counter that stands still is an old message.
"""

from binascii import crc_hqx
from collections.abc import Mapping

PROTECTION = 0x23F
_DATA_ID = b"\x3f\x02"

TOLERATED = 2
"""Bad frames that are forgiven: a frame is lost now and then."""
REPAID = 10
"""Good frames that make good for one bad one. Forgiveness that starts afresh at each good frame forgives for ever."""


class Protection:
    """What the last PackProtection frames said of the others, in clauses that are empty while all is well.

    `doubt` is what is wrong with the newest frame, `problem` the same once it is forgiven no longer.
    """

    def __init__(self, protected: tuple[int, ...]) -> None:
        self.doubt = self.problem = ""
        self._protected = tuple(sorted(protected))
        self._counter: int | None = None
        self._owed = 0

    def check(self, frame: bytes, frames: Mapping[int, bytes]) -> int:
        """Judge the newest `frames` by the one that vouches for them; how many such were lost before it."""
        counter, before = frame[2], self._counter
        self._counter = counter
        self.doubt = self._doubt(frame, frames, stands_still=counter == before)
        # No more is owed than one bad frame beyond what is forgiven: a node that is well again is trusted in time.
        self._owed = min(self._owed + REPAID, (TOLERATED + 1) * REPAID) if self.doubt else max(self._owed - 1, 0)
        self.problem = self.doubt if self._owed > TOLERATED * REPAID else ""
        return 0 if before is None or counter == before else (counter - before - 1) % 256

    def _doubt(self, frame: bytes, frames: Mapping[int, bytes], *, stands_still: bool) -> str:
        if stands_still:
            return f"its alive counter stands still at {frame[2]}"
        if any(identifier not in frames for identifier in self._protected):
            return ""
        data = frame[2:3] + b"".join([frames[identifier] for identifier in self._protected])
        fits = crc_hqx(data + _DATA_ID, 0xFFFF) == int.from_bytes(frame[:2], "little")
        return "" if fits else "its checksum does not fit its messages"
