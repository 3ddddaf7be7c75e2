"""Managers that are asked over HTTP, as docs/manager-contract.md says."""

from bench.managing.link import Link
from bench.managing.links import LinkKind

KIND = LinkKind(("http", "https"), lambda which, beside: Link(which, beside=beside))
