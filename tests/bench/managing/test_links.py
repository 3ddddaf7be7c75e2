"""Which way a manager is spoken to, by what it is called; and a way that another package brings."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from bench.managing import links
from bench.managing.links import GROUP, LinkKind, Standing, kind_of, open_link
from bench.managing.modbus.link import ModbusLink
from bench.verdicts import InputError
from instruments import extensions

NO_KIND = "a word"


class Carrier:
    """A link of another package's."""

    live, says = True, ""

    def __init__(self, which: str, *, beside: bool) -> None:
        self.which, self.beside = which, beside

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"power": 1.0}

    def follow(self, _seen: Any) -> Standing:
        return Standing(1.0)

    def close(self) -> None:
        pass


def shot(_which: str, _beside: bool) -> Carrier:
    raise SystemExit(3)


SHOT = LinkKind(("dove",), shot)
KIND = LinkKind(("pigeon",), lambda which, beside: Carrier(which, beside=beside))


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings two words."""
    found = {
        word: (EntryPoint(word, f"{__name__}:{name}", GROUP),)
        for word, name in (("pigeon", "KIND"), ("owl", "NO_KIND"), ("dove", "SHOT"))
    }
    monkeypatch.setattr(extensions, "brought", lambda group: found if group == GROUP else {})


@pytest.mark.usefixtures("brought")
def test_a_word_that_another_package_brings_is_its_own() -> None:
    link = open_link("pigeon:over there", beside=True)
    assert isinstance(link, Carrier)
    assert (link.which, link.beside) == ("pigeon:over there", True)


@pytest.mark.usefixtures("brought")
def test_what_is_brought_and_is_no_kind_of_a_link_is_told() -> None:
    with pytest.raises(InputError, match=r"owl.*is no LinkKind"):
        open_link("owl:x")


@pytest.mark.usefixtures("brought")
def test_a_link_that_would_end_the_session_is_told_instead() -> None:
    with pytest.raises(InputError, match=rf"^manager 'dove:x': .*{__name__}:SHOT.* ends the program \(3\)"):
        open_link("dove:x")


@pytest.mark.usefixtures("brought")
@pytest.mark.parametrize(
    ("which", "kind"),
    [
        ("http://127.0.0.1:80", "http"), ("https://somewhere", "http"), ("reference", "http"), ("", "http"),
        ("python3 -m mine --at C:/x", "http"), ("modbus:reference", "modbus"), ("modbus://127.0.0.1:0", "modbus"),
        ("modbus", "http"), ("ws://127.0.0.1:9/x", "ocpp"), ("wss://h/x", "ocpp"), ("ocpp:reference", "ocpp"),
        ("pigeon:there", "pigeon"), ("pigeon", "http"), ("hawk:there", "http"), ("MODBUS:reference", "http"),
    ],
)  # fmt: skip
def test_the_word_before_the_first_colon_says_how_a_manager_is_spoken_to(which: str, kind: str) -> None:
    assert kind_of(which) == kind


def test_a_word_of_ours_cannot_be_another_package_s(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"modbus": (EntryPoint("modbus", f"{__name__}:KIND", GROUP),)}
    monkeypatch.setattr(extensions, "brought", lambda group: found if group == GROUP else {})
    with pytest.raises(InputError, match="The link to managers modbus:"):
        open_link("modbus://127.0.0.1:0")


def test_a_bench_says_where_it_listens_and_warns_of_strangers() -> None:
    quiet = open_link("modbus://127.0.0.1:0")
    loud = open_link("modbus://0.0.0.0:0")
    assert isinstance(quiet, ModbusLink)
    assert quiet.says == (
        f"a wall box listens at {quiet.address}, Modbus TCP, unit 1, from when the car tells its charge on."
    )
    assert "Whoever reaches this machine can command it" in loud.says
    quiet.close()
    loud.close()


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_which: str, _beside: bool) -> Any:
        raise ModuleNotFoundError("No module named 'websockets'", name="websockets")

    monkeypatch.setattr(links, "_own", lambda: {"ocpp": LinkKind(("ocpp",), missing)})
    with pytest.raises(InputError, match=r"over ocpp needs websockets.*packbench\[v2x\]"):
        open_link("ocpp:reference")
