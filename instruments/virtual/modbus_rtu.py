"""Frames of Modbus RTU as simulators take them apart; no driver knows this, theirs are pymodbus's.

Source: Modbus over Serial Line V1.02, 2.5.1 and 6.2.
"""

from instruments.registers import WRITE_ALL

SHORTEST = 8
"""Bytes of every message but one that writes several words."""


def crc(data: bytes) -> bytes:
    """The check sum of a message, low byte first: polynomial 0xA001, begun with ones."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return bytes((register & 0xFF, register >> 8))


def framed(unit: int, data: bytes) -> str:
    """A message of a unit, with its check sum, as a line carries it."""
    message = bytes((unit,)) + data
    return (message + crc(message)).decode("latin-1")


def frames(data: bytes) -> tuple[list[bytes], bytes]:
    """Take messages apart by their functions: nothing else ends them but a silence, after which all begins anew.

    Whoever speaks waits for an answer, so that what follows a wrong check sum is what that silence would part.
    """
    messages: list[bytes] = []
    while len(data) >= SHORTEST and len(data) >= (length := _length(data)):
        if crc(data[: length - 2]) != data[length - 2 : length]:
            return [*messages, data], b""
        messages.append(data[:length])
        data = data[length:]
    return messages, data


def asked(message: str, unit: int) -> bytes | None:
    """Function and data of a message to that unit; None for another's, and with a wrong check sum."""
    data = message.encode("latin-1")
    return data[1:-2] if crc(data[:-2]) == data[-2:] and data[0] == unit else None


def _length(data: bytes) -> int:
    """Bytes of the message that begins here."""
    return 9 + data[6] if data[1] == WRITE_ALL else SHORTEST
