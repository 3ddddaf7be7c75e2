"""What holds for all tests: nobody asserts a time, hypothesis neither; and one browser for who looks at pages."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.browsing import CHROMIUM

# Its deadline of 0.2 s for each example fails a test on a computer that is busy, and says nothing of the product.
settings.register_profile("patient", deadline=None)
# CI tries the same examples each time, and is not kept waiting for a hundred of them; whoever develops tries new ones.
settings.register_profile("ci of ours", settings.get_profile("patient"), max_examples=40)
settings.load_profile("ci of ours" if os.environ.get("CI") else "patient")


def pytest_configure(config: pytest.Config) -> None:
    """A session that a test starts has no use for hypothesis, whose import is a quarter of what one costs.

    Nor does it inherit that a Ctrl-C is ignored, as whatever a shell has begun in the background does.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        os.environ["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} -p no:hypothesispytest".strip()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test where a case is enough, each other case is one more of a kind, and costs seconds: `long`."""
    seen = set[str]()
    for item in items:
        if item.get_closest_marker("a_case_is_enough"):
            kind = item.nodeid.partition("[")[0]
            if kind in seen:
                item.add_marker(pytest.mark.long)
            seen.add(kind)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, float]:
    """When a test's file is begun, of those that `tox` hands out one by one: the longest first, the last ones small.

    Who waits for real time does it best beside others that wait.
    """
    for turn, name in enumerate(("real_time", "dear")):
        if (marker := item.get_closest_marker(name)) is not None:
            return turn, -sum(marker.args)
    return 2, 0.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs a Chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
