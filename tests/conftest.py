"""What holds for all tests: nobody asserts a time, hypothesis neither; and one browser for who looks at pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.browsing import CHROMIUM

# Its deadline of 0.2 s for each example fails a test on a computer that is busy, and says nothing of the product.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


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
