"""Managers that are central systems of OCPP 2.1; see `bench.managing.ocpp`."""

from bench.managing.links import Link, LinkKind


def _open(which: str, beside: bool) -> Link:
    from bench.managing.ocpp.link import OcppLink

    return OcppLink(which, beside=beside)


KIND = LinkKind(("ocpp", "ws", "wss"), _open)
