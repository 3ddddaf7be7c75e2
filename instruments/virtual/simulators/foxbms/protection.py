"""End-to-end protection of a BMS's frames, on the sending side: an alive counter, and a checksum over all of them.

Message 0x23F, our own beside the foxBMS layout: bytes 0 and 1 a CRC, low byte first; byte 2 a counter from 0 to 255;
the rest 0. As in AUTOSAR's end-to-end profile 5 (AUTOSAR_PRS_E2EProtocol, 6.6) the CRC is CRC-16/CCITT-FALSE, over the
data and then the low and the high byte of a data id; the data here are the counter and the newest payload of each of
the cyclic messages of the pack, by rising identifier.
"""

from can import Message

from instruments.virtual.wires.exchange import CanChannel

PROTECTION = 0x23F
DATA_ID = 0x23F
PROTECTED = frozenset({0x220, *range(0x230, 0x236)})
POLYNOMIAL, START = 0x1021, 0xFFFF


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1 ^ POLYNOMIAL if value & 0x8000 else value << 1) & 0xFFFF
        table.append(value)
    return table


_TABLE = _table()


def crc(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: 0x29B1 for b'123456789'."""
    value = START
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _TABLE[value >> 8 ^ byte]
    return value


class Protection:
    """Listens to what its node sends, and sends the frame that vouches for it.

    `frozen` (the counter stands still) and `corrupt` (the checksum is wrong) are defects.
    """

    def __init__(self, channel: CanChannel) -> None:
        self.frozen = self.corrupt = False
        self._channel = channel
        self._payloads: dict[int, bytes] = {}
        self._counter = 0
        channel.members[self] = self._listen

    def _listen(self, message: Message) -> None:
        if message.arbitration_id in PROTECTED:
            self._payloads[message.arbitration_id] = bytes(message.data)

    def transmit(self) -> None:
        """Vouch for what was sent last."""
        if not self.frozen:
            self._counter = (self._counter + 1) % 256
        data = bytes([self._counter]) + b"".join(self._payloads[key] for key in sorted(self._payloads))
        checksum = crc(data + DATA_ID.to_bytes(2, "little")) ^ self.corrupt
        frame = checksum.to_bytes(2, "little") + bytes([self._counter, 0, 0, 0, 0, 0])
        self._channel.send(self, Message(self._channel.now(), PROTECTION, is_extended_id=False, data=frame))
