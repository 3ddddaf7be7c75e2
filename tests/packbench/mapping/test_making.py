"""A map is made: what is there is not measured again, what comes is kept, and the page is drawn whatever ends it.

Whoever measures is a player; here it is one that has measured already.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as of
from html.parser import HTMLParser
from math import nan
from pathlib import Path
from urllib.parse import unquote

import pytest

from bench.verdicts import InputError
from packbench.commands import map as command
from packbench.mapping.fields import Field, Task, fields_of
from packbench.mapping.inputs import digest
from packbench.mapping.making import Made, Making
from packbench.mapping.outcome import CANNOT, FieldResult
from packbench.mapping.store import Store
from tests.bench.cli_support import packbench_here
from tests.packbench.mapping.outcomes import TASK, cannot, done, failed

FIELDS = fields_of(["lfp-vehicle"], ["urban", "country"], ["oslo-winter@7", "july"])
Answer = Callable[[Field], FieldResult]


def timed(field: Field) -> FieldResult:
    return done(field.road, field.season, 30.0 if field.road == "urban" else 33.0, warm=field.conditioned)


@dataclass
class Player:
    """Answers for each field; `asked` is what it was given."""

    answer: Answer = timed
    asked: list[Field] = of(default_factory=list)

    def __call__(self, fields: Sequence[Field], task: Task, runs: Path) -> Iterator[FieldResult]:
        for each in fields:
            self.asked.append(each)
            yield replace(self.answer(each), field=each, inputs=digest(each, task))


@dataclass
class Maker:
    """Makes the same map again and again, in a folder of its own."""

    folder: Path
    said: list[str] = of(default_factory=list)

    def __call__(
        self, player: Player | None = None, fields: Sequence[Field] = FIELDS, task: Task = TASK, *, anew: bool = False
    ) -> tuple[Made, list[Field]]:
        player = player or Player()
        store = Store(self.folder / "map")
        making = Making(fields, task, store, self.folder / "runs", player, self.said.append)
        return making.make(anew=anew), player.asked

    @property
    def files(self) -> list[Path]:
        return sorted((self.folder / "map" / "fields").glob("*.json"))

    @property
    def page(self) -> str:
        return (self.folder / "map" / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def test_a_map_has_every_field_once_and_says_each_as_it_comes(make: Maker) -> None:
    made, asked = make()
    assert asked == FIELDS
    assert [each.field for each in made.outcomes] == FIELDS
    assert made.complete
    assert len(make.files) == len(FIELDS)
    assert len(make.said) == len(FIELDS)
    assert make.said[0].startswith(
        "[1/8] lfp-vehicle, urban in oslo-winter@7, follow-limit: 30.0 min, +12.0 mV, PASS; about "
    )
    assert make.said[-1].endswith("PASS")


def test_a_second_call_measures_nothing(make: Maker) -> None:
    first, _ = make()
    second, asked = make()
    assert asked == []
    assert [each.as_dict() for each in second.outcomes] == [
        {**each.as_dict(), "assumed": []} for each in first.outcomes
    ]


def test_a_field_that_is_missing_is_the_only_one_measured(make: Maker) -> None:
    make()
    make.files[3].unlink()
    made, asked = make()
    assert len(asked) == 1
    assert made.complete
    assert "7 of 8 fields are there already; 1 to measure." in make.said


def test_a_field_whose_file_is_damaged_is_measured_anew(make: Maker) -> None:
    make()
    make.files[0].write_bytes(make.files[0].read_bytes()[:100])
    _, asked = make()
    assert len(asked) == 1
    assert len(make()[1]) == 0


def test_what_a_failed_bench_did_not_judge_is_measured_again_and_a_failed_pack_is_not(make: Maker) -> None:
    answers = {"urban": failed("urban", verdict="BENCH FAULT"), "country": failed("country")}
    made, _ = make(Player(lambda field: answers[field.road]))
    assert made.verdict == "BENCH FAULT"
    again, asked = make()
    assert {each.road for each in asked} == {"urban"}
    assert again.verdict == "FAIL"


def test_a_larger_map_takes_over_what_a_smaller_one_measured(make: Maker) -> None:
    make(fields=FIELDS[:3])
    _, asked = make()
    assert asked == FIELDS[3:]


def test_what_has_changed_is_measured_anew_and_compared(make: Maker) -> None:
    make()
    slower = replace(TASK, version="9.9")
    _, asked = make(Player(lambda field: done(field.road, field.season, 31.5, warm=field.conditioned)), task=slower)
    assert asked == FIELDS
    assert "(+1.5 min since last)" in make.page
    assert "(-1.5 min since last)" in make.page


def test_anew_measures_everything_and_keeps_what_there_was_to_compare(make: Maker) -> None:
    make()
    _, asked = make(anew=True)
    assert asked == FIELDS
    assert "(as last)" in make.page


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_whoever_is_stopped_keeps_what_is_done_and_draws_it(make: Maker, stop: type[BaseException]) -> None:
    def until_the_third(field: Field) -> FieldResult:
        if field == FIELDS[3]:
            raise stop
        return timed(field)

    with pytest.raises(stop):
        make(Player(until_the_third))
    assert len(make.files) == 3
    assert "3 of 8 fields, 5 not measured yet" in make.page
    made, asked = make()
    assert asked == FIELDS[3:]
    assert made.complete


@pytest.mark.parametrize(
    ("field", "task", "says"),
    [
        (Field("lfp-vehicl", "urban", "july"), TASK, "did you mean 'lfp-vehicle'"),
        (Field("lfp-vehicle", "urbn", "july"), TASK, "no road 'urbn' \\(nearest: urban\\)"),
        (Field("lfp-vehicle", "mine.csv", "july"), TASK, "mine.csv: cannot be read"),
        (Field("lfp-vehicle", "urban", "july", "follow-limt"), TASK, "did you mean 'follow-limit'"),
        (Field("lfp-vehicle", "urban", "july"), replace(TASK, car="renault-5"), "no car 'renault-5'"),
        (
            Field("lfp-vehicle", "urban", "july"),
            replace(TASK, station="virtual-vehicl"),
            "did you mean 'virtual-vehicle'",
        ),
        (Field("lfp-vehicle", "urban", "july"), replace(TASK, target=90.0), "no pack is charged there .lfp-vehicle -"),
        (Field("lfp-vehicle", "urban", "july"), replace(TASK, target=nan), "cannot be conditioned to nan degC"),
    ],
)
def test_what_there_is_not_and_what_no_pack_allows_is_refused_before_anything_is_measured(
    make: Maker, field: Field, task: Task, says: str
) -> None:
    player = Player()
    with pytest.raises(InputError, match=says):
        make(player, [FIELDS[0], field], task)
    assert player.asked == []


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            "0,0,0,0\n1,0,3,5\n2,0,0,0\n",
            "dc.csv: line 2: '0,0,0,0' has 4 cells, the header 2; are there decimal commas",
        ),
        ("0,0\n1,0\n2,0\n3,0\n", "dc.csv: stands for all of its 3 s; a cycle of speeds goes somewhere."),
    ],
)
def test_a_cycle_that_is_none_is_wrong_input_and_no_fault_of_a_bench(tmp_path: Path, rows: str, says: str) -> None:
    cycle = tmp_path / "dc.csv"
    cycle.write_text(f"time / s,speed / km/h\n{rows}", encoding="utf-8")
    told = packbench_here(
        "map", "--roads", cycle, "--seasons", "july", "--packs", "lfp-24s", "--station", "virtual-module",
        "--output", tmp_path / "map", "--runs", tmp_path / "runs",
    )  # fmt: skip
    assert told.status == 2
    assert says in told.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("answer", "verdict", "status"),
    [
        (timed, "PASS", 0),
        (lambda field: done(field.road, minutes=90, derating=9.0), "FAIL", 1),
        (lambda field: done(field.road, verdict="INCONCLUSIVE"), "INCONCLUSIVE", 1),
        (lambda field: failed(field.road, verdict="TEST ERROR"), "TEST ERROR", 2),
        (lambda field: failed(field.road, verdict="BENCH FAULT"), "BENCH FAULT", 3),
        (lambda field: cannot(field.road), "INCONCLUSIVE", 1),
        (lambda field: cannot(field.road) if field.road == "urban" else timed(field), "PASS", 0),
    ],
)
def test_the_exit_status_is_the_worst_of_all(
    answer: Answer, verdict: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_player", lambda *_asked: Player(answer))
    arguments = ("--packs", "lfp-vehicle", "--roads", "urban,country", "--seasons", "july")
    told = packbench_here("map", *arguments, "--output", tmp_path / "map", "--runs", tmp_path / "runs", "--json")
    found = json.loads(told.out)
    assert (told.status, found["verdict"], found["complete"]) == (status, verdict, True)
    assert len(found["fields"]) == 4
    assert {each["verdict"] for each in found["fields"]} <= {
        "PASS",
        "FAIL",
        "INCONCLUSIVE",
        "TEST ERROR",
        "BENCH FAULT",
        CANNOT,
    }
    assert Path(found["page"]).is_file()
    table = packbench_here("map", *arguments, "--output", tmp_path / "map", "--runs", tmp_path / "runs")
    assert table.status == status
    assert "lowest margin" in table.out


class Links(HTMLParser):
    """Where a page leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [unquote(value) for name, value in attrs if tag == "a" and name == "href" and value]


def test_every_field_leads_to_its_run_and_to_none_that_was_deleted(make: Maker) -> None:
    def recorded(field: Field) -> FieldResult:
        run = f"2026-01-01/{FIELDS.index(field)} it's #1 & more"
        folder = make.folder / "runs" / run
        folder.mkdir(parents=True)
        if field.conditioned:
            (folder / "figure.html").write_text("a picture", encoding="utf-8")
        return replace(timed(field), run=run)

    make(Player(recorded))
    links = Links(make.page).found
    assert len(links) == len(FIELDS)
    assert all((make.folder / "map" / each).exists() for each in links)
    assert sum(each.endswith("figure.html") for each in links) == len(FIELDS) / 2
    (make.folder / "runs" / "2026-01-01").rename(make.folder / "elsewhere")
    make()
    assert Links(make.page).found == []
