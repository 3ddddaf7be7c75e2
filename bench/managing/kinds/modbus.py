"""Managers that are clients of a wall box on Modbus TCP; see `bench.managing.modbus`."""

from bench.managing.links import Link, LinkKind


def _open(which: str, beside: bool) -> Link:
    from bench.managing.modbus.link import ModbusLink

    return ModbusLink(which, beside=beside)


KIND = LinkKind(("modbus",), _open)
