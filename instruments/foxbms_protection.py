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
"""Bad frames in a row that are forgiven: a frame is lost now and then, and the next one counts again."""


class Protection:
    """What the last PackProtection frames said of the others. `problem` is a clause, empty while all is well."""

    def __init__(self, protected: tuple[int, ...]) -> None:
        self.problem = ""
        self._protected = tuple(sorted(protected))
        self._counter: int | None = None
        self._bad = 0

    def check(self, frame: bytes, frames: Mapping[int, bytes]) -> int:
        """Judge the newest `frames` by the one that vouches for them; how many such were lost before it."""
        counter, before = frame[2], self._counter
        self._counter = counter
        problem = ""
        if counter == before:
            problem = f"its alive counter stands still at {counter}"
        elif all(identifier in frames for identifier in self._protected):
            data = frame[2:3] + b"".join([frames[identifier] for identifier in self._protected])
            if crc_hqx(data + _DATA_ID, 0xFFFF) != int.from_bytes(frame[:2], "little"):
                problem = "its checksum does not fit its messages"
        self._bad = self._bad + 1 if problem else 0
        self.problem = problem if self._bad > TOLERATED else ""
        return 0 if before is None or counter == before else (counter - before - 1) % 256
