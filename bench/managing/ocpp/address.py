"""Where a central system is, and how the station proves who it is: security profiles 1 to 3 of OCPP.

`ws://HOST:PORT/PATH` or `wss://…`, and behind a `#` that no server ever sees: `identity=NAME` (of the station),
`password=FILE` (basic authentication: profile 1 over ws, 2 over wss), `ca=FILE` (who vouches for the server) and
`certificate=FILE` with `key=FILE` (the station's own: profile 3). Secrets are in files: what a step calls its manager
stands in the record. Source: OCPP 2.1 edition 1, part 2, A.1.3.
"""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from bench.verdicts import InputError
from instruments.wording import nearest

OPTIONS = ("identity", "password", "ca", "certificate", "key")
IDENTITY = "packbench"


@dataclass(frozen=True, slots=True)
class Address:
    """The `url` that is called, who the station is, and the `profile` (0: nobody proves anything)."""

    url: str
    profile: int
    headers: Mapping[str, str]
    context: ssl.SSLContext | None

    @classmethod
    def of(cls, which: str) -> "Address":
        """Read one; raises `InputError`, one sentence, for what is none or asks for what cannot be."""
        try:
            parts = urlsplit(which)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in {"ws", "wss"} or parts.query or "@" in parts.netloc:
            raise InputError(f"manager {which!r}: give ws://HOST:PORT/PATH or wss://HOST:PORT/PATH.")
        options = _options(which, parts.fragment)
        identity = options.get("identity", IDENTITY)
        url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/{quote(identity, safe='')}"
        profile = _profile(which, parts.scheme, options)
        headers = {"Authorization": _basic(which, identity, options["password"])} if "password" in options else {}
        return cls(url, profile, headers, _context(which, options) if parts.scheme == "wss" else None)


def _options(which: str, fragment: str) -> Mapping[str, str]:
    try:
        # A plus is one: the name of a file may have it, and no form has written this.
        whole = fragment.replace("+", "%2B")
        given = parse_qsl(whole, keep_blank_values=True, strict_parsing=True) if whole else []
    except ValueError as error:
        raise InputError(f"manager {which!r}: write what follows # as name=value, with & between two.") from error
    found = dict(given)
    for at, (name, value) in enumerate(given):
        if name in dict(given[:at]):
            raise InputError(f"manager {which!r}: {name} is given twice; which of them counts? Leave one out.")
        if name not in OPTIONS:
            raise InputError(f"manager {which!r}: there is no option {name!r}; {nearest(name, OPTIONS)}.")
        if not value.strip():  # taken for none, a station would prove nothing and nobody would know
            raise InputError(f"manager {which!r}: nothing stands behind {name}=; write it there, or leave {name} out.")
    return found


def _profile(which: str, scheme: str, options: Mapping[str, str]) -> int:
    if scheme == "ws":
        for name in ("ca", "certificate", "key"):
            if name in options:
                raise InputError(f"manager {which!r}: {name} belongs to TLS; write wss://.")
        return 1 if "password" in options else 0
    if "certificate" in options:
        return 3
    if "key" in options:
        raise InputError(f"manager {which!r}: a key has no use without a certificate.")
    if "password" in options:
        return 2
    raise InputError(f"manager {which!r}: over wss a station proves who it is: give password or certificate.")


def _basic(which: str, identity: str, file: str) -> str:
    try:
        password = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"manager {which!r}: the password cannot be read from {file} ({error}).") from error
    if not password:
        raise InputError(f"manager {which!r}: there is no password in {file}; write it there.")
    return "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode("ascii")


def _context(which: str, options: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ca"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if "certificate" in options:
            context.load_cert_chain(options["certificate"], options.get("key"))
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"manager {which!r}: its certificates cannot be used ({error}).") from error
    return context
