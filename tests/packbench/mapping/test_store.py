"""What is kept of a map: on the disk, once for each field, and nothing that somebody else put there."""

import json
from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import InputError, Verdict
from packbench.mapping.outcome import CANNOT, FieldResult, Figure
from packbench.mapping.store import MARKER, Store
from tests.packbench.mapping.outcomes import cannot, done, failed

DONE = done()
FIELD = DONE.field
INPUTS = {FIELD: "x"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "map")


def file_of(store: Store) -> Path:
    (path,) = (store.folder / "fields").iterdir()
    return path


def there(store: Store) -> list[FieldResult]:
    return list(store.done([FIELD], INPUTS))


@pytest.mark.parametrize("kept", [DONE, failed("urban"), cannot("urban")])
def test_what_is_kept_is_there_again(store: Store, kept: FieldResult) -> None:
    store.keep(kept)
    (found,) = list(Store(store.folder).done([FIELD], INPUTS))
    assert (found.field, found.verdict, found.reason) == (kept.field, kept.verdict, kept.reason)
    assert {name for name, each in found.figures.items() if each.known} == {
        name for name, each in kept.figures.items() if each.known
    }


NUMBERS = st.one_of(st.floats(), st.sampled_from([nan, inf, -inf, 0.0]))


@given(NUMBERS, NUMBERS, st.text(max_size=20))
def test_no_figure_makes_a_field_unreadable(
    tmp_path_factory: pytest.TempPathFactory, value: float, uncertainty: float, reason: str
) -> None:
    """Neither what is not known, nor an uncertainty that nobody could work out."""
    store = Store(tmp_path_factory.getbasetemp() / "one map")
    store.keep(replace(DONE, figures={"charge time": Figure(value, uncertainty, "s")}, reason=reason))
    (found,) = there(store)
    again = found.figure("charge time")
    assert again.value == value or isnan(again.value)
    assert found.reason == reason


def test_a_field_has_one_file_however_often_it_is_measured(store: Store) -> None:
    for minutes in (30, 31, 32):
        store.keep(done(minutes=minutes))
    assert file_of(store).suffix == ".json"
    assert there(store)[0].time.value == 32 * 60


def test_what_depends_on_something_else_now_is_from_before(store: Store) -> None:
    store.keep(DONE)
    assert list(store.done([FIELD], {FIELD: "changed"})) == []
    before = store.before(FIELD)
    assert before is not None
    assert before.time.value == 30 * 60
    assert there(store) == []


@pytest.mark.parametrize("verdict", [Verdict.BENCH_FAULT, Verdict.ABORTED, Verdict.TEST_ERROR])
def test_what_says_nothing_of_the_pack_is_measured_again_and_hides_nothing_that_does(
    store: Store, verdict: Verdict
) -> None:
    store.keep(DONE)
    store.set_aside(FIELD)
    store.keep(failed("urban", verdict=verdict))
    assert there(store) == []
    before = store.before(FIELD)
    assert before is not None
    assert before.verdict == "PASS"


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, CANNOT])
def test_a_verdict_on_the_pack_holds(store: Store, verdict: str) -> None:
    store.keep(done(verdict=verdict))
    assert [each.verdict for each in there(store)] == [verdict]


@pytest.mark.parametrize("half", [0.0, 0.3, 0.99])
def test_half_a_file_says_nothing(store: Store, half: float) -> None:
    store.keep(DONE)
    text = file_of(store).read_bytes()
    file_of(store).write_bytes(text[: int(half * len(text))])
    assert there(store) == []


DAMAGES = ["null", "[]", "{}", "7", '"PASS"', '{"field": 1, "figures": {}, "curve": []}', "\xff"]


@pytest.mark.parametrize("text", DAMAGES)
def test_a_file_of_something_else_says_nothing(store: Store, text: str) -> None:
    store.keep(DONE)
    file_of(store).write_text(text, encoding="latin-1")
    assert there(store) == []
    store.keep(DONE)
    assert len(there(store)) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(DONE.as_dict())), JSON)
def test_any_key_may_hold_anything_and_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "any map")
    store.keep(DONE)
    path = file_of(store)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {key: value}), encoding="utf-8")
    for found in there(store):
        assert isinstance(found.verdict, str)
        assert all(isinstance(each, str) for each in (found.reason, found.run, found.rests_on, found.chemistry))
        assert isinstance(found.scale, float)
        assert found.field == FIELD


def test_what_a_kill_left_beside_a_file_is_no_field(store: Store) -> None:
    store.keep(DONE)
    (store.folder / "fields" / f"{FIELD.id}.4711.tmp").write_text("{", encoding="utf-8")
    assert len(there(store)) == 1


def test_a_folder_with_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds files that are no map; name another folder with --output"):
        Store(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_text("", encoding="utf-8")
    for folder in (path, path / "below"):
        with pytest.raises(InputError, match="cannot hold a map"):
            Store(folder)


def test_an_empty_folder_and_one_that_was_a_map_are_taken(tmp_path: Path) -> None:
    Store(tmp_path)
    assert (tmp_path / MARKER).exists()
    (tmp_path / "index.html").write_text("a page", encoding="utf-8")
    Store(tmp_path)
