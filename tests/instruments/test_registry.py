"""Driver names: ours, a package's, a dotted path, and the ones that are wrong."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Protocol

import pytest

from instruments import extensions, registry
from instruments.driver import VisaDriver
from instruments.registry import UnknownDriver, driver_class, driver_names
from instruments.roles import CHAMBER_AIR, ClimateChamber, Instrument, InstrumentFault, Ratings, Source, has_verbs


def test_every_name_leads_to_a_driver() -> None:
    """Station files have used these since the first release; what is added needs no line here."""
    shipped = {"agilent-34970a", "chroma-63600", "ea-psb10000", "foxbms", "ngi-n83624", "weiss-simserv"}
    assert shipped <= set(driver_names())
    for name in driver_names():
        driver = driver_class(name)
        assert all(callable(getattr(driver, verb)) for verb in ("open", "identify", "close"))


def test_a_dotted_path_is_a_driver_too() -> None:
    assert driver_class("instruments.driver:VisaDriver") is VisaDriver


def test_an_installed_package_adds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("acme-1000", "instruments.driver:VisaDriver", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(extensions, "brought", lambda group: {point.name: (point,)} if group == point.group else {})
    assert driver_class("acme-1000") is VisaDriver
    assert "acme-1000" in driver_names()


def test_a_driver_that_is_there_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("foxbms", "acme-1000")
    value, group = "instruments.driver:VisaDriver", registry.ENTRY_POINT_GROUP
    monkeypatch.setattr(extensions, "brought", lambda _: {name: (EntryPoint(name, value, group),) for name in names})
    text = "'foxbms' is there twice: instruments.driver:VisaDriver and instruments.drivers.foxbms; remove one"
    with pytest.raises(UnknownDriver, match=text):
        driver_class("foxbms")
    assert driver_class("acme-1000") is VisaDriver


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ea-psb1000", "There is no driver 'ea-psb1000'; did you mean 'ea-psb10000'\\? \\(allowed: "),
        ("zzz", "There is no driver 'zzz'; allowed: agilent-34970a, "),
        ("no.such.module:Driver", "cannot be imported: No module named 'no'"),
        ("instruments.driver:Visa", "cannot be imported: .*'Visa'"),
        ("instruments.driver:Setting", "is none: a driver is a class with a class method open"),
    ],
)
def test_a_wrong_name_is_a_sentence(name: str, text: str) -> None:
    with pytest.raises(UnknownDriver, match=text):
        driver_class(name)


def test_a_package_that_cannot_be_imported_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_broken.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownDriver, match="'acme_broken:Driver' cannot be imported: division by zero"):
        driver_class("acme_broken:Driver")


def test_knowing_names_imports_no_library() -> None:
    program = (
        "import sys, instruments.registry as r; r.driver_names(); "
        "sys.exit(any(m in sys.modules for m in ('pyvisa', 'can', 'cantools', 'serial')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_instrument_is_what_the_roles_say() -> None:
    assert issubclass(VisaDriver, Instrument)


class Asking:
    """A chamber whose range has to be asked for, and nobody answers."""

    def __init__(self) -> None:
        self.channels = CHAMBER_AIR

    @property
    def temperature_range(self) -> tuple[float, float]:
        raise InstrumentFault("it does not answer")

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None: ...

    def chamber_rest(self) -> None: ...

    def chamber_is_resting(self) -> bool: ...

    def alarm(self) -> str: ...


def test_what_an_instrument_can_do_is_known_without_asking_it() -> None:
    """Python up to 3.11 evaluates the properties of a protocol: nobody was told OFF while that asked for ratings."""
    assert has_verbs(Asking(), ClimateChamber)
    assert not has_verbs(Asking(), Source)


def test_what_a_protocol_only_annotates_is_asked_for_as_well() -> None:
    class Rated(Source, Protocol):
        rating: Ratings

    class Able(Asking):
        source_ratings = rating = Ratings(1.0, 1.0, 1.0)
        protect_source = charge = source_off = source_is_off = Asking.chamber_rest

    class Unrated(Able):
        pass

    assert has_verbs(Able(), Rated)
    del Able.rating
    assert not has_verbs(Unrated(), Rated)
