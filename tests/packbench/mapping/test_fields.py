"""Which fields a map has, in which order, and what their files are called."""

import json
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import InputError
from models.vehicle.road import available_roads
from packbench.mapping.fields import SEASONS, Field, Moment, fields_of
from packbench.mapping.outcome import FieldResult, Figure
from packbench.mapping.store import Store

PLAIN = ("lfp-vehicle", "urban", "oslo-winter@7", "follow-limit")
NAMES = st.one_of(
    st.text(min_size=1, max_size=30),
    st.text("aAbB.-/_@ ", min_size=1, max_size=8),
    st.text("x", min_size=1, max_size=400),
)


def test_every_combination_is_there_once_and_a_season_of_a_pack_follows_on_the_other() -> None:
    packs, roads, seasons = ("a", "b"), ("urban", "country"), ("oslo-winter@7", "paris-july", "seville-summer@15")
    found = fields_of(packs, roads, seasons, ("follow-limit", "1C"))
    wanted = {
        (pack, road, season, plan, warm)
        for pack in packs for road in roads for season in seasons for plan in ("follow-limit", "1C")
        for warm in (False, True)
    }  # fmt: skip
    assert len(found) == len(wanted)
    assert {(each.pack, each.road, each.season, each.strategy, each.conditioned) for each in found} == wanted
    # One soak for each: as many stretches as there are packs and seasons.
    assert [key for key, _ in groupby(found, lambda each: (each.pack, each.season))] == [
        (pack, season) for pack in packs for season in seasons
    ]


def test_what_is_named_twice_counts_once() -> None:
    once = fields_of(["lfp-vehicle"], ["urban"], ["oslo-winter@7"], ["1C"])
    assert fields_of(2 * ["lfp-vehicle"], 2 * ["urban"], ["oslo-winter@7", "oslo-winter@7.0"], ["1C", "1C"]) == once


def test_what_is_left_out_is_all_there_is() -> None:
    found = fields_of(["lfp-vehicle"])
    assert {each.road for each in found} == set(available_roads())
    assert {each.season for each in found} == set(SEASONS)
    assert len(found) == len(available_roads()) * 4 * 2


def test_the_default_map_has_192_fields() -> None:
    assert len(fields_of(["nmc811-vehicle", "lfp-vehicle", "lnmo-vehicle", "li-metal-vehicle"])) == 192


def test_a_map_of_no_pack_is_refused() -> None:
    with pytest.raises(InputError, match="a map needs a pack"):
        fields_of([])


@pytest.mark.parametrize(
    ("written", "season", "hour"),
    [("oslo-winter@7", "oslo-winter", 7.0), ("july", "july", 8.0), ("paris-May@0", "paris-May", 0.0),
     ("seville-summer@23.99", "seville-summer", 23.99)],
)  # fmt: skip
def test_a_season_has_an_hour_and_may_leave_out_its_place(written: str, season: str, hour: float) -> None:
    assert Moment.of(written) == Moment(written, season, hour)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("oslo-sommer@7", r"season 'oslo-sommer@7': no season 'sommer' \(nearest: summer\)"),
        ("osl-winter", r"season 'osl-winter': no place 'osl' \(nearest: oslo\)"),
        ("wintr@x", r"no season 'wintr' \(nearest: winter\)"),
        ("winter@noon", "an hour is a number, as in winter@7"),
        ("winter@", "an hour is a number, as in winter@7"),
        ("winter@24", "an hour is from 0 to less than 24, as in winter@7"),
        ("winter@-1", "from 0 to less than 24"),
        ("winter@nan", "from 0 to less than 24"),
        ("", "no season ''"),
    ],
)
def test_a_season_that_is_none_is_told_with_what_there_is(written: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        fields_of(["lfp-vehicle"], (), [written])
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_no_text_is_a_season_by_half(written: str) -> None:
    with suppress(InputError):
        assert 0.0 <= Moment.of(written).hour < 24.0


def test_a_field_of_shipped_names_is_called_by_them() -> None:
    assert Field(*PLAIN).id == "lfp-vehicle--urban--oslo-winter@7--follow-limit--as-it-comes"
    assert Field(*PLAIN, conditioned=True).id.endswith("--conditioned")


LOOK_ALIKE = [
    Field("a--b", "c", "d"), Field("a", "b--c", "d"), Field("a-", "-b--c", "d"), Field("a", "roads/x.yaml", "d"),
    Field("a", "roads_x.yaml", "d"), Field("a", "Roads/x.yaml", "d"), Field("a", "roads\\x.yaml", "d"),
    Field("a", "b", "c", "1C"), Field("a", "b", "c", "1c"), Field("ä", "b", "c"), Field("a\u0308", "b", "c"),
    Field("a", "x" * 300, "d"), Field("a", "x" * 301, "d"),
]  # fmt: skip


def test_fields_that_look_alike_have_files_of_their_own() -> None:
    names = [each.id.casefold() for each in LOOK_ALIKE]
    assert len(set(names)) == len(names)


@given(st.tuples(NAMES, NAMES, NAMES, NAMES, st.booleans()), st.tuples(NAMES, NAMES, NAMES, NAMES, st.booleans()))
def test_a_name_is_safe_on_any_disk_and_of_two_fields_never_the_same(
    one: tuple[str, str, str, str, bool], other: tuple[str, str, str, str, bool]
) -> None:
    first, second = Field(*one), Field(*other)
    for each in (first, second):
        assert set(each.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.@_")
        assert 0 < len(each.id) < 180
        assert each.id[0] != "."
    assert (first.id == second.id) == (first == second)


@given(NAMES, NAMES)
def test_what_is_kept_of_a_field_is_found_again_whatever_it_is_called(pack: str, road: str) -> None:
    field = Field(pack, road, "oslo-winter@7")
    kept = FieldResult(
        field, "PASS", figures={"charge time": Figure(1761.0, 86.0, "s")}, curve=[], assumed=[], inputs="x"
    )
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.keep(kept)
        assert list(store.done([field], {field: "x"})) == [kept]
        (path,) = (store.folder / "fields").iterdir()
        assert json.loads(path.read_text(encoding="utf-8"))["field"]["road"] == road
