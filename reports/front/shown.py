"""What the front page is written from, as every part of it is given it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.recording.session_log import Session
from reports.nights.section import Since
from reports.outcome import Outcome

Device = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Links:
    """Where the files of the report lie, relative to the front page; None where there is no Allure."""

    allure: str | None
    figure: Callable[[Outcome], str | None]
    interactive: Callable[[Outcome], str | None]
    run: Callable[[Outcome], str | None]


@dataclass(frozen=True)
class Shown:
    """One report; `session` is what its counts, its state and the command to repeat tests are told from."""

    tests: Sequence[Outcome]
    links: Links
    since: Since
    session: Session | None = None

    def of(self, *verdicts: str) -> list[Outcome]:
        """The tests that ended with one of these verdicts."""
        return [test for test in self.tests if test.verdict in verdicts]

    @cached_property
    def manifests(self) -> list[dict[str, Any]]:
        """Of every test that had a run."""
        return [dict(test.manifest) for test in self.tests if test.manifest]

    @cached_property
    def devices(self) -> list[Device]:
        """The instruments of all runs, each serial number once."""
        every = [device for manifest in self.manifests for device in manifest.get("instruments", ())]
        return list({(device["name"], device.get("serial_number")): device for device in every}.values())
