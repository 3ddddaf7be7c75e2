"""What the front page is written from, as every part of it is given it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import Any

from bench.recording.session_log import Session
from reports.nights.changes import Changed, Kind
from reports.nights.section import Since
from reports.outcome import Outcome

Device = Mapping[str, Any]
WORSE = (Kind.REGRESSED, Kind.FELL)


def anchor(test: Outcome) -> str:
    """Name the place of a test on a page, and the page that it has where there are many."""
    return f"t{test.allure_id[:12]}"


def on_this_page(test: Outcome) -> str:
    """Where everything of a test is told, while there are few of them."""
    return f"#{anchor(test)}"


@dataclass(frozen=True, slots=True)
class Links:
    """Where the files of the report lie, relative to the page; None where there is no Allure.

    `test` is where a test is told, `figures` where all its figures are, empty where that is here; `parts` has a page
    for each pack or station where there are several, `everything` is the page that leaves nothing out where this one
    does, `back` the one that this one belongs to.
    """

    allure: str | None
    figure: Callable[[Outcome], str | None]
    interactive: Callable[[Outcome], str | None]
    run: Callable[[Outcome], str | None]
    test: Callable[[Outcome], str] = on_this_page
    forensics: Callable[[Outcome], str | None] = lambda _: None
    figures: Callable[[Outcome], str] = lambda _: ""
    parts: Mapping[str, str] = field(default_factory=dict)
    everything: str = ""
    back: str = ""

    def from_below(self) -> "Links":
        """The same, for a page in a folder beside this one."""
        return Links(
            _up(self.allure), lambda test: _up(self.figure(test)), lambda test: _up(self.interactive(test)),
            lambda test: _up(self.run(test)), lambda test: _up(self.test(test)) or "",
            lambda test: _up(self.forensics(test)), lambda test: self.figures(test) and f"../{self.figures(test)}",
            {name: f"../{page}" for name, page in self.parts.items()},
            back="../index.html",
        )  # fmt: skip


def _up(link: str | None) -> str | None:
    """Places on the page itself, and what is somewhere else altogether, stay."""
    return link if link is None or link.startswith(("#", "file:")) else f"../{link}"


@dataclass(frozen=True)
class Shown:
    """One page; `session` is what its counts, its state and the command to repeat tests are told from.

    `part` names the pack or the station that it is about alone. `most` is how many rows a list has that goes on
    elsewhere; None: all of them.
    """

    tests: Sequence[Outcome]
    links: Links
    since: Since
    session: Session | None = None
    part: str = ""
    most: int | None = None

    def of(self, *verdicts: str) -> list[Outcome]:
        """The tests that ended with one of these verdicts."""
        return [test for test in self.tests if test.verdict in verdicts]

    def listed(self, rows: Sequence[str]) -> str:
        """The rows of a list that this page shows."""
        return "".join(rows[: self.most])

    def more(self, count: int) -> str:
        """Where a list of so many goes on; nothing where it is all here."""
        beyond = count - len(range(count)[: self.most])
        here = f'<a href="{escape(self.links.everything)}">on the page of everything</a>'
        return f"<p>and {beyond} more, {here}.</p>" if beyond else ""

    @cached_property
    def manifests(self) -> list[dict[str, Any]]:
        """Of every test that had a run."""
        return [dict(test.manifest) for test in self.tests if test.manifest]

    @cached_property
    def devices(self) -> list[Device]:
        """The instruments of all runs, each serial number once."""
        every = [device for manifest in self.manifests for device in manifest.get("instruments", ())]
        return list({(device["name"], device.get("serial_number")): device for device in every}.values())

    @cached_property
    def places(self) -> dict[str, str]:
        """Where everything of a test is told, by its node id."""
        return {test.nodeid: self.links.test(test) for test in self.tests}

    @cached_property
    def worse(self) -> dict[str, Kind]:
        """What became of the tests that are worse than in the last night, by node id."""
        return {each.test.nodeid: each.kind for each in self.since.last.changes if each.kind in WORSE}


def part_of(test: Outcome, several: Sequence[str] = ("pack", "station")) -> str:
    """The pack of a test and the station it ran on, as far as there are several; empty where it had no run."""
    names = [str((test.manifest.get(each) or {}).get("name") or "") for each in several]
    return " on ".join(filter(None, names))


def parts(tests: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The tests of each pack and station, by name; nothing where there is only one."""
    run = [test for test in tests if test.manifest]
    several = [each for each in ("pack", "station") if len({part_of(test, (each,)) for test in run}) > 1]
    found: dict[str, list[Outcome]] = {}
    for test in run if several else ():
        found.setdefault(part_of(test, several), []).append(test)
    return found


def since_of(since: Since, tests: Iterable[Outcome]) -> Since:
    """What changed of these tests alone."""
    names = {test.nodeid for test in tests}

    def of_them(changed: Changed) -> Changed:
        kept = [each for each in changed.changes if each.test.nodeid in names]
        return replace(changed, changes=kept)

    baseline = None if since.baseline is None else of_them(since.baseline)
    return replace(since, last=of_them(since.last), baseline=baseline)
