"""Who a station proves to be, and whom it believes: the security profiles of OCPP, on real TLS."""

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from bench.managing.links import open_link
from bench.managing.ocpp.address import Address
from bench.managing.ocpp.link import OcppLink
from bench.verdicts import InputError
from tests.bench.managing.central import Central, central
from tests.bench.managing.clients import seen, until

BASIC = "Basic " + base64.b64encode(b"wallbox 1:correct horse").decode()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("correct horse\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's, that the authority vouches for."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(found)
    return found


@pytest.fixture
def secured(context: ssl.SSLContext) -> Iterator[Central]:
    with central(context=context) as system:
        yield system


def introduced(system: Central, options: str) -> str:
    """What is said of a station that has come with these options, once it is known."""
    link = OcppLink(f"{system.address}#{options}", beside=True)
    link.follow(seen())
    until(lambda: system.transaction)
    link.close()
    return link.says


def test_nobody_proves_anything_where_nothing_is_said() -> None:
    with central() as system:
        assert introduced(system, "").endswith("security profile 0.")
    assert system.headers[0][0] == "/ocpp/packbench"
    assert "authorization" not in system.headers[0][1]


def test_profile_1_is_a_password(password: Path) -> None:
    with central() as system:
        says = introduced(system, f"identity=wallbox%201&password={password}")
    assert says.endswith("security profile 1.")
    assert "horse" not in says
    path, headers = system.headers[0]
    assert (path, headers["authorization"]) == ("/ocpp/wallbox%201", BASIC)


def test_profile_2_is_a_password_over_tls(secured: Central, ca: Path, password: Path) -> None:
    says = introduced(secured, f"identity=wallbox%201&password={password}&ca={ca}")
    assert says.endswith("security profile 2.")
    assert secured.headers[0][1]["authorization"] == BASIC


def test_profile_3_is_a_certificate(authority: trustme.CA, context: ssl.SSLContext, ca: Path, tmp_path: Path) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
    own = tmp_path / "own.pem"
    authority.issue_cert("station.example", common_name="wallbox 1").private_key_and_cert_chain_pem.write_to_path(
        str(own)
    )
    with central(context=context) as system:
        says = introduced(system, f"identity=wallbox%201&certificate={own}&ca={ca}")
        assert says.endswith("security profile 3.")
        names = [value for part in system.certificates[0]["subject"] for key, value in part if key == "commonName"]
        assert names == ["wallbox 1"]


def test_a_server_that_nobody_vouches_for_is_not_believed(secured: Central, password: Path) -> None:
    with pytest.raises(InputError, match=r"its certificate is not believed \(unable to get local issuer"):
        OcppLink(f"{secured.address}#password={password}", beside=True)


def test_a_server_of_another_name_is_not_believed(authority: trustme.CA, ca: Path, password: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("central.example").configure_cert(context)
    with (
        central(context=context) as system,
        pytest.raises(InputError, match=r"not believed .*not valid for '127\.0\.0\.1'"),
    ):
        OcppLink(f"{system.address}#password={password}&ca={ca}", beside=True)


@pytest.mark.parametrize("issuer", ["nobody", "somebody else"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2], ids=["1.3", "1.2"])
def test_a_station_without_the_certificate_that_is_wanted_is_sent_away(
    context: ssl.SSLContext, ca: Path, password: Path, tmp_path: Path, issuer: str, version: ssl.TLSVersion
) -> None:
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
    proof, own = f"password={password}", tmp_path / "own.pem"
    if issuer == "somebody else":
        trustme.CA().issue_cert("station.example").private_key_and_cert_chain_pem.write_to_path(str(own))
        proof = f"certificate={own}"
    with (
        central(context=context) as system,
        pytest.raises(InputError, match="certificate, or another one, of the station"),
    ):
        OcppLink(f"{system.address}#{proof}&ca={ca}", beside=True)


def test_a_wrong_password_is_told_as_that(tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("battery staple\n", encoding="utf-8")
    with central(password=("wallbox 1", "correct horse")) as system:
        with pytest.raises(InputError, match="HTTP 401, identity and password are not those that it knows") as caught:
            OcppLink(f"{system.address}#identity=wallbox%201&password={wrong}", beside=True)
        assert "staple" not in str(caught.value)


def test_what_speaks_no_tls_is_told_as_that(password: Path, ca: Path) -> None:
    """A secured line is never one without: whoever answers plainly is refused."""
    with central() as system, pytest.raises(InputError, match=r"TLS of version 1\.2 or newer does not come about"):
        OcppLink(f"{system.address.replace('ws:', 'wss:')}#password={password}&ca={ca}", beside=True)


def test_an_older_version_is_told_as_that() -> None:
    with central(speaks="ocpp2.0.1") as system, pytest.raises(InputError, match=r"HTTP 400, it may not speak ocpp2\.1"):
        OcppLink(system.address, beside=True)


def test_a_file_without_a_password_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="there is no password in"):
        Address.of(f"ws://host/x#password={tmp_path / 'empty'}")


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("ws://", "give ws://HOST"), ("ws://host:port/x", "give ws://HOST"), ("ws://me:secret@host/x", "give ws://HOST"),
        ("ws://host/x#pasword=f", "did you mean 'password'"), ("ws://host/x#ca=f", "belongs to TLS"),
        ("ws://host/x#password=nowhere", "cannot be read from nowhere"), ("ws://host/x#password", "name=value"),
        ("ws://host/x#password=", "nothing stands behind password=; write it there, or leave password out"),
        ("ws://host/x#identity=a&password=f&identity=b", "identity is given twice; which of them counts"),
        ("ws://host/x#password=a+b.txt", r"cannot be read from a\+b\.txt"),
        ("ws://host/x#identity=%20&password=f", "nothing stands behind identity="),
        ("wss://host/x#certificate=f&key=", "nothing stands behind key="), ("ws://:secret@host/x", "give ws://HOST"),
        ("http://host/x", "give ws://HOST"), ("ws://host/x?password=f", "give ws://HOST"), ("", "give ws://HOST"),
        ("wss://host/x", "proves who it is"), ("wss://host/x#key=f", "without a certificate"),
        ("wss://host/x#certificate=nowhere", "certificates cannot be used"),
        ("wss://host/x#password=nowhere&ca=nowhere", "cannot be read"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_told_in_one_sentence(which: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        Address.of(which)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("which", "url"),
    [
        ("ws://host", "ws://host/packbench"), ("ws://host:9000/ocpp/", "ws://host:9000/ocpp/packbench"),
        ("ws://[::1]:9000/a/b", "ws://[::1]:9000/a/b/packbench"),
        ("ws://host/x#identity=box%201", "ws://host/x/box%201"), ("ws://host/x#identity=a/b", "ws://host/x/a%2Fb"),
        ("ws://host/x#identity=box+1", "ws://host/x/box%2B1"),
    ],
)  # fmt: skip
def test_the_identity_is_the_last_part_of_what_is_called(which: str, url: str) -> None:
    """Whatever stands in it: an identity with a slash would be another path."""
    found = Address.of(which)
    assert (found.url, found.profile, found.headers, found.context) == (url, 0, {}, None)


def test_no_secret_stands_in_what_is_called_or_said(password: Path) -> None:
    found = Address.of(f"ws://host/x#identity=wallbox%201&password={password}")
    assert (found.url, found.profile) == ("ws://host/x/wallbox%201", 1)
    assert found.headers == {"Authorization": BASIC}


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("ws://127.0.0.1:9/ocpp", "nobody answers"), ("ocpp:nobody-of-this-name", "never said"),
        ("ocpp:no-such-command --x", "cannot be started"), ("modbus:no-such-command --x", "cannot be started"),
        ("modbus://nowhere.invalid:0", "nobody can be served"), ("modbus://127.0.0.1", "port 0 is any"),
        ("modbus://127.0.0.1:0/x", "port 0 is any"),
    ],
)  # fmt: skip
def test_a_manager_that_there_is_not_is_wrong_input(which: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        open_link(which)
