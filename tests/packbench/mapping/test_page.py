"""The page of a map as its reader has it: words in every field, links that lead somewhere, and a browser's view."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from math import nan
from pathlib import Path
from urllib.parse import unquote

import pytest

from bench.pack import load_pack
from packbench.mapping import outcome, page
from packbench.mapping.fields import Field, Task
from packbench.mapping.outcome import FieldResult, Figure
from packbench.mapping.page import Map, render, summary
from packbench.mapping.tariff import TariffFile
from tests.packbench.mapping.outcomes import TASK, cannot, done, failed

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PACKS = {name: load_pack(name)[0] for name in ("lfp-vehicle", "li-metal-vehicle")}


class Reader(HTMLParser):
    """Text, links and fields of a page, and how deep its tags stand."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.fields: list[str] = []
        self.text = ""
        self._inside: int | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag in ("meta", "link", "br", "path", "polyline"):
            return
        self.open.append(tag)
        if tag == "span" and "field" in (dict(attributes).get("class") or "").split():
            self._inside = len(self.open)
            self.fields.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("path", "polyline"):
            return
        assert self.open.pop() == tag
        if self._inside is not None and len(self.open) < self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.text += data
        if self._inside is not None:
            self.fields[-1] += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def shown(*outcomes: FieldResult, **more: object) -> Map:
    return Map(TASK, outcomes, PACKS, **{"planned": len(outcomes), **more})


def text_of(*outcomes: FieldResult, **more: object) -> str:
    return read(render(shown(*outcomes, **more))).text


def test_the_headline_is_the_best_and_the_worst_with_where_they_were() -> None:
    found = [done("a", minutes=40), done("b", minutes=25, warm=True), done("c", minutes=31), cannot("d")]
    assert page.headline(shown(*found)) == (
        "10 to 80 % takes 25.0 min at best (lfp-vehicle, b in oslo-winter@7, preconditioned) and 40.0 min at worst "
        "(lfp-vehicle, a in oslo-winter@7)"
    )
    assert page.headline(shown(cannot())) == "No recharge of this map has a time."


SEASONS = ("oslo-winter@7", "paris-spring@8", "seville-summer@15", "paris-autumn@18")
EVERY = [
    *(done(road, season, 20 + 3 * i + j, 0.5, warm=warm, margin=12.0 - 4 * i)
      for i, season in enumerate(SEASONS) for j, road in enumerate(("urban", "motorway-130"))
      for warm in (False, True)),
    done("small", minutes=22, off=3.4, scale=0.1), done("tight", minutes=22, verdict="INCONCLUSIVE"),
    done("hot", minutes=22, verdict="FAIL"), failed("short-hop"), failed("dead", verdict="BENCH FAULT"),
    cannot("mountain-pass"),
    done("urban", minutes=60, pack="li-metal-vehicle", margin=nan, chemistry="Li-metal", assumed=["plating"]),
]  # fmt: skip


def test_every_field_says_in_words_and_numbers_what_its_colour_says() -> None:
    fields = read(render(shown(*EVERY))).fields
    assert len(fields) == len(EVERY)
    by_words = {
        "22.0 min": 2, "not comparable": 1, "cells +3.4 K off a car's": 1, "INCONCLUSIVE": 1, "cannot": 1,
        "margin not known": 1, "over-temperature: 61 °C": 2, "BENCH FAULT": 1,
    }  # fmt: skip
    for words, count in by_words.items():
        assert sum(words in each for each in fields) == count, words
    assert all(re.search(r"\d min|not comparable|cannot|FAIL|BENCH FAULT", each) for each in fields)
    assert sum("mV" in each for each in fields) == 18


def test_the_scale_stands_wherever_a_figure_of_the_road_does() -> None:
    """Under the headline, in each field's tooltip, and in each row with what a road or its conditioning took."""
    found = [done(road, scale=0.142, warm=warm, conditioning=500.0 * warm) for road in "ab" for warm in (False, True)]
    text = render(shown(*found))
    head, gains, costs = (
        text.split("<section>")[0],
        text.split("bought")[1].split("</section>")[0],
        text.split("cost<")[1],
    )
    assert "its power times 0.142 for lfp-vehicle" in head
    tips = [each["title"] or "" for tag, each in read(text).tags if "field" in (each.get("class") or "").split()]
    assert len(tips) == len(found)
    assert all("consumption 15 kWh/100km" in tip and tip.endswith("scale 0.142") for tip in tips)
    assert "scale 0.142" in gains
    assert costs.count("scale 0.142") == 2


def test_each_figure_says_what_it_rests_on() -> None:
    """A margin is a model's on hardware as well, and what a road cost is one's of a car."""
    rests = {outcome.MARGIN: outcome.ASSUMED, outcome.CONSUMPTION: outcome.FITTED}
    page_ = read(render(shown(done(rests_on=outcome.MEASURED, rests=rests, assumed=["car: mass assumed"]))))
    assert "30.0 min m+12.0 mV a" in page_.fields[0]
    tip = next(each["title"] or "" for _, each in page_.tags if "field" in (each.get("class") or "").split())
    assert "consumption 15 kWh/100km (fitted)" in tip
    assert "derating 0 % (measured)" in tip
    assert "m: measured on hardware" in page_.text
    assert "a: a model in which something is assumed" in page_.text
    assert "car: mass assumed" in page_.text


def test_a_margin_that_nobody_knows_is_never_said_to_be_kept() -> None:
    found = done(pack="li-metal-vehicle", margin=nan, chemistry="Li-metal")
    text = text_of(found)
    assert "margin not known" in text
    assert "kept" not in text
    assert summary(PACKS["li-metal-vehicle"], [found])[3] == "not known"
    (row,) = re.findall(r"<tr><th scope=row>li-metal-vehicle.*?</tr>", render(shown(found)))[:1]
    assert "not known" in row.split("<td")[3]
    assert "badge" not in row.split("<td")[3]


def test_a_gain_of_nothing_and_a_loss_are_printed_as_what_they_are() -> None:
    fields = [done(road, warm=warm, minutes=minutes, conditioning=500.0 * warm) for road, warm, minutes in
              (("a", False, 30.0), ("a", True, 30.0), ("b", False, 30.0), ("b", True, 33.25))]  # fmt: skip
    text = text_of(*fields)
    # 500 Wh of the car's pack at 60 kW are half a minute of the recharge.
    assert "0.0 min for 500 Wh, 0.5 min" in text
    assert "-3.2 min for 500 Wh, 0.5 min" in text
    assert "below zero they were lost" in text


def test_what_preconditioning_cost_is_said_only_where_it_is_known() -> None:
    unknown = done("a", warm=True, minutes=28)
    figures = {name: each for name, each in unknown.figures.items() if name != outcome.CONDITIONING}
    text = text_of(done("a", minutes=30), replace(unknown, figures=figures))
    assert not re.search(r"\bnan\b", text)
    assert "2.0 min for not known" in text


def test_no_page_has_a_number_that_is_none() -> None:
    for found in ([], [failed()], [cannot()], [replace(done(), figures={})], EVERY):
        text = text_of(*found)
        assert not re.search(r"\bnan\b|\binf\b", text), found


def test_what_failed_and_what_a_pack_is_not_made_for_has_its_reason() -> None:
    text = text_of(cannot("mountain-pass"), failed("urban"))
    assert "lfp-vehicle, mountain-pass in oslo-winter@7, follow-limit" in text
    assert "not enough for it" in text


def test_what_changed_since_the_last_time_stands_in_the_field() -> None:
    before = {"a": done("a", minutes=31.5), "b": done("b", minutes=20.01), "c": failed("c")}
    fields = read(render(shown(*(done(road, minutes=m) for road, m in (("a", 30), ("b", 20), ("c", 25), ("d", 26))),
                               before=lambda field: before.get(field.road)))).fields  # fmt: skip
    assert "(-1.5 min since last)" in fields[0]
    assert "(as last)" in fields[1]
    assert all("last" not in each for each in fields[2:])


def test_what_is_not_measured_yet_is_said_and_counted() -> None:
    text = text_of(done("a", SEASONS[0]), done("b", SEASONS[1]), planned=9)
    assert "2 of 9 fields, 7 not measured yet" in text
    assert text.count("not measured yet") >= 3


def test_a_criterion_without_a_value_says_why_and_fails_where_something_is_required() -> None:
    row = render(shown(done("a"), done("b", minutes=31), failed("c"))).split("What it comes to")[1]
    assert "c in oslo-winter@7 never got there" in row
    assert '<span class="badge fail">FAIL</span> <small>at most 1.50' in row
    assert "one field has a time" in text_of(done("a"))


def test_a_pack_that_can_drive_nothing_has_neither_passed_nor_failed() -> None:
    assert summary(PACKS["lfp-vehicle"], [cannot("a"), cannot("b")])[-1] == "CANNOT"


HOSTILE = '<script>alert("x")</script>&amp;\'"><img src=x onerror=alert(1)>'


def test_names_are_shown_and_never_obeyed() -> None:
    field = Field(f"{HOSTILE}p", f"{HOSTILE}r", "oslo-winter@7", f"{HOSTILE}s", True)
    hostile = [
        replace(done(), field=field, chemistry=HOSTILE, assumed=[HOSTILE], reason=HOSTILE),
        replace(failed(), field=replace(field, conditioned=False), reason=HOSTILE),
    ]
    tariff = TariffFile(name=HOSTILE, currency=HOSTILE, prices={HOSTILE: 1.0}, sources=[HOSTILE])
    task = Task(HOSTILE, car=HOSTILE, version=HOSTILE)
    found = Map(task, hostile, {field.pack: PACKS["lfp-vehicle"]}, 2, link=lambda _: f"runs/{HOSTILE}", tariff=tariff)
    text = render(found)
    reader = read(text)
    kinds = {tag for tag, _ in reader.tags}
    assert kinds.isdisjoint({"script", "img"})
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert "<script>" in reader.text


def test_energy_and_money_are_means_by_hand() -> None:
    tariff = TariffFile(name="a bill", prices={"home": 0.2}, efficiency={"home": 0.8}, sources=["mine"])
    text = text_of(done("a"), done("b"), failed("c", scale=0.97), tariff=tariff)
    # 15 kWh/100 km and 36 kWh of a car's pack, whatever the scale: 15 / 0.8 * 0.2 and 36 / 0.8 * 0.2.
    assert "15.0 kWh" in text
    assert "36.0 kWh" in text
    assert "3.75 / 9.00 EUR" in text
    assert "a bill; mine" in text
    assert "there are no prices" in text_of(done())


def test_a_recharge_that_broke_off_is_no_part_of_what_one_costs() -> None:
    half = failed("b")
    figures = {**half.figures, outcome.ENERGY: Figure(0.97 * 1000.0, 1.0, "Wh")}
    assert "36.0 kWh" in text_of(done("a"), replace(half, figures=figures))


def test_links_lead_to_runs_and_a_field_without_one_has_none(tmp_path: Path) -> None:
    runs = tmp_path / "runs and more" / "2026-01-01" / "it's#1"
    runs.mkdir(parents=True)
    text = render(shown(done("a"), done("b"), link=lambda each: "runs%20and%20more/2026-01-01/it%27s%231"
                        if each.field.road == "a" else None))  # fmt: skip
    links = [attributes["href"] for tag, attributes in read(text).tags if tag == "a"]
    assert [(tmp_path / unquote(str(each))).is_dir() for each in links] == [True]


# --- in a browser -----------------------------------------------------------------------------------------------------

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--hide-scrollbars",
    "--virtual-time-budget=2000",
)
PROBE = (
    "<script>addEventListener('load', () => { const e = document.documentElement;"
    "document.body.append(`PROBE ${e.scrollWidth} ${e.clientWidth} `"
    " + [...document.querySelectorAll('.wide')].filter(w => w.scrollWidth > w.clientWidth + 1).length) })</script>"
)
"""What only a browser knows: widths of the page and of its window, and how many tables are wider than their place."""


def chromium(folder: Path, *options: str) -> str:
    assert CHROMIUM
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
class TestInABrowser:
    def test_it_fits_into_1240_pixels(self, tmp_path: Path) -> None:
        path = tmp_path / "index.html"
        path.write_text(render(shown(*EVERY)).replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
        seen = chromium(tmp_path, "--window-size=1240,900", "--dump-dom", path.as_uri())
        probed = re.search(r"PROBE (\d+) (\d+) (\d+)", seen)
        assert probed
        width, window, wide = map(int, probed.groups())
        assert (window, wide) == (1240, 0)
        assert width <= window

    def test_it_prints(self, tmp_path: Path) -> None:
        path, printed = tmp_path / "index.html", tmp_path / "map.pdf"
        path.write_text(render(shown(*EVERY)), encoding="utf-8")
        chromium(tmp_path, f"--print-to-pdf={printed}", path.as_uri())
        assert printed.read_bytes().startswith(b"%PDF")
        assert b"/Type /Page" in printed.read_bytes() or b"/Type/Page" in printed.read_bytes()
