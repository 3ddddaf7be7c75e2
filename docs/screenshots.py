"""Makes the pictures of docs/images that show the present anew, from real runs: `tox run -e screenshots [-- STATE …]`.

A healthy night, one of a pack that has aged, one of a shunt that drifts, the live page with a question, the page of a
map, the figure of a test with its cells and the last night, a session in the terminal, and a managed week. All but
the last, which is a picture of a report, are those of a browser window.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT, COLORS = 1180, 760, 128
LARGEST = 150_000
"""Bytes of a picture: a page of words shows several."""
TESTS = ("test_cases/test_discharge.py::test_capacity_at_1c", "--temperatures=0,25")
QUESTION = """
from packbench import AskOperator, Charge, Discharge, elapsed

def test_there_and_back(bench):
    \"\"\"There and back with the HV plug.\"\"\"
    bench.run(
        Charge("C/3", until=elapsed(minutes=5)), AskOperator("Connect the HV plug", answers=("done", "cannot")),
        Discharge("1C", until=elapsed(minutes=30)),
    )
"""
SGR = re.compile(r"\x1b\[([\d;]*)m")
TERMINAL = """
body { margin: 0; background: #171921; color: #e8eaf0; } pre { margin: 0; padding: 18px; white-space: pre-wrap;
font: 14px/21px "DejaVu Sans Mono", monospace; } .s31 { color: #ff7b72; } .s32 { color: #7ee787; }
.s33 { color: #e3b341; } .s35 { color: #d2a8ff; } .s36 { color: #76e3ea; } .s1 { font-weight: bold; }
"""
"""The page that colours of a terminal are shown on."""
PATIENCE = 100_000
"""ms."""


class Photographer:
    """Takes pictures of pages."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def take(self, name: str, url: str, prepare: Callable[[Any], None] = lambda _page: None, *, part: str = "") -> None:
        """Open a page, do something on it, and keep what the window shows, or a `part` of the page (a selector)."""
        page = self._browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(url)
        prepare(page)
        self.keep(name, page.locator(part).screenshot() if part else page.screenshot())
        page.close()

    def keep(self, name: str, png: bytes) -> None:
        """Keep a picture in as few bytes as words need; colours that few of its words have are kept, too."""
        from PIL import Image

        seen = Image.open(BytesIO(png)).convert("RGB")
        out = BytesIO()
        seen.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if len(out.getvalue()) > LARGEST:
            raise SystemExit(f"{name}.png has {len(out.getvalue())} bytes, and {LARGEST} are too many for a page.")
        (IMAGES / f"{name}.png").write_bytes(out.getvalue())
        print(f"docs/images/{name}.png: {len(out.getvalue()) / 1000:.0f} kB")


def nights(folder: Path, camera: Photographer) -> None:
    """The same tests in four nights of one station: twice healthy, then aged, then with a shunt that drifts."""
    for _ in range(2):
        page = _night(folder)
    camera.take("night-healthy", page.as_uri())
    page = _night(folder, "aged:0.92")
    camera.take("night-regression", page.as_uri())
    figures = (each for each in (page.parent / "figures").glob("*.html") if not each.name.endswith(".minute.html"))
    figure = max(figures, key=lambda path: path.stat().st_size)
    camera.take("figure", figure.as_uri(), _with_everything)
    camera.take("night-bench-fault", _night(folder, "shunt-drift:0.2").as_uri())


def _night(folder: Path, *defects: str) -> Path:
    """The front page of one."""
    seeded = [f"--defect={defect}" for defect in defects]
    places = (f"--runs={folder / 'runs'}", f"--alluredir={folder / 'results'}", "--clean-alluredir")
    _run("-m", "pytest", *TESTS, "-q", "-p", "no:cacheprovider", *places, *seeded)
    report = ("report", folder / "runs", f"--results={folder / 'results'}", f"--output={folder / 'report'}")
    _run("-m", "packbench", *map(str, report), "--history=all")
    return folder / "report" / "index.html"


def _with_everything(page: Any) -> None:
    page.wait_for_selector("body[data-drawn]")
    for name in ("Every cell", "Lay over"):
        before = page.evaluate("document.body.dataset.traces")
        page.get_by_role("button", name=name).click()
        page.wait_for_function(f"document.body.dataset.traces !== '{before}'")
    page.evaluate("plots[2].setCursor({left: plots[2].bbox.width / devicePixelRatio * .9, top: 60})")
    page.wait_for_timeout(500)


def live(folder: Path, camera: Photographer) -> None:
    """A run on real sockets, at the question that it waits for."""
    from campaign.served import served

    (folder / "test_mine.py").write_text(QUESTION, encoding="utf-8")
    with served(folder, speed=20, soc=0.5) as bench, _session(folder, bench.station.name) as session:
        url = next(line.split()[-1] for line in session.stdout or () if line.startswith("Live at "))
        camera.take("live", url, _answered)


@contextmanager
def _session(folder: Path, station: str) -> Iterator["subprocess.Popen[str]"]:
    options = ("--live", "--attended", "test_mine.py")
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", *options)
    with subprocess.Popen(
        [*command, f"--station={station}"], cwd=folder, env=_environment(), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as session:  # fmt: skip
        try:
            yield session
        finally:
            session.terminate()


def _answered(page: Any) -> None:
    page.get_by_text("Connect the HV plug").first.wait_for(timeout=PATIENCE)
    page.locator("#cells div").first.wait_for(timeout=PATIENCE)


def fields(folder: Path, camera: Photographer) -> None:
    """A small map: one road in three seasons, as it comes."""
    places = ("--output", folder / "map", "--runs", folder / "map-runs")
    seasons = ("--seasons", "oslo-winter@7,paris-spring@8,seville-summer@15")
    what = ("--roads", "short-hop", *seasons, "--packs", "lfp-24s", "--conditioning", "without")
    _run("-m", "packbench", "map", *map(str, (*what, "--station", "virtual-module", *places)))
    camera.take("map", (folder / "map" / "index.html").as_uri())


def terminal(folder: Path, camera: Photographer) -> None:
    """A session with a weak cell and a chamber that stays where it is, and what its report says."""
    command = (
        "pytest test_cases --temperatures=20,45 --defect=weak-cell:7:0.7 --defect=chamber-stuck:20 "
        "-k 'capacity_at_1c or test_fast_recharge['"
    )
    places = (f"--runs={folder / 'runs'}", f"--alluredir={folder / 'results'}", "-p", "no:cacheprovider", "--color=yes")
    session, _ = _said("-m", *shlex.split(command), *places, "-q", "--no-summary")
    report = ("report", folder / "runs", f"--results={folder / 'results'}", f"--output={folder / 'report'}")
    reported, status = _said("-m", "packbench", *map(str, report))
    lines = [f"$ {command}", *session, "$ packbench report", *reported, "$ echo $?", str(status)]
    text = escape("\n".join(lines), quote=False).replace(f"{folder}/report", "allure-report")
    page = folder / "terminal.html"
    page.write_text(f"<style>{TERMINAL}</style><pre>{_coloured(text)}</pre>", encoding="utf-8")
    camera.take("terminal", page.as_uri(), part="pre")


def _coloured(text: str) -> str:
    """HTML of what a terminal is told: attributes add up until all of them end."""
    out, on = [], list[str]()
    for place, part in enumerate(SGR.split(text)):
        if place % 2 == 0:
            out.append(f'<span class="{" ".join(on)}">{part}</span>')
        else:
            on = [*on, *(f"s{code}" for code in part.split(";"))] if part.strip("0;") else []
    return "".join(out)


def days(folder: Path, camera: Photographer) -> None:
    """A winter week of the reference manager."""
    week = (
        "test_cases/test_managed.py::test_range_is_kept",
        "--station=virtual-vehicle",
        "--days=7",
        "--manager=reference",
    )
    places = (f"--runs={folder / 'runs'}", f"--alluredir={folder / 'results'}", "-p", "no:cacheprovider")
    _run("-m", "pytest", *week, "-k", "january", *places)
    (run,) = (folder / "runs").glob("*/*/run.json")
    _run("-m", "packbench", "picture", str(run.parent), "--output", str(folder / "week.png"))
    camera.keep("managed-week", (folder / "week.png").read_bytes())


def _said(*arguments: str) -> tuple[list[str], int]:
    """The lines that a command prints, without empty ones, and its exit status."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=_environment(), check=False, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if line.strip()], done.returncode


def _run(*arguments: str) -> None:
    """What a test makes of its pack is none of our business: pages tell it."""
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=_environment(), check=False)


def _environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


STATES: Mapping[str, Callable[[Path, Photographer], None]] = {
    "nights": nights, "live": live, "map": fields, "terminal": terminal, "days": days,
}  # fmt: skip


def main(*names: str) -> None:
    """Make those that are named, or all."""
    unknown = [name for name in names if name not in STATES]
    if unknown:
        raise SystemExit(f"There is no state {unknown[0]!r}; there are {', '.join(STATES)}.")
    from playwright.sync_api import sync_playwright

    known = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=known, args=["--no-sandbox"])
        for name in names or STATES:
            with TemporaryDirectory() as folder:
                STATES[name](Path(folder), Photographer(browser))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
