"""What `docs/safety.md` claims to be held by something is held by something that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
MODULES = sorted(set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE)))
TESTS = sorted(set(re.findall(r"`(test_[\w*]+\.py)`", PAGE)))
FOREIGN = sorted(set(re.findall(r"foreign \*([^*]+)\*", PAGE)))


@pytest.mark.parametrize("module", MODULES)
def test_a_mechanism_is_where_the_page_says(module: str) -> None:
    assert any((ROOT / floor / module).is_file() for floor in (".", "bench")), module


@pytest.mark.parametrize("pattern", TESTS)
def test_a_test_is_where_the_page_says(pattern: str) -> None:
    assert list((ROOT / "tests").rglob(pattern)), pattern


@pytest.mark.parametrize("words", FOREIGN)
def test_a_promise_is_tried_on_the_foreign_bench(words: str) -> None:
    tried = [file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "foreign").glob("test_*.py")]
    stems = [word[:4].lower() for word in re.findall(r"\w+", words)]
    names = re.findall(r"^def (test_\w+)", "".join(tried), re.MULTILINE)
    assert any(all(stem in name for stem in stems) for name in names), (
        f"no test of the foreign bench is about {words!r}"
    )


@pytest.mark.parametrize("decision", sorted(set(re.findall(r"\d+", " ".join(re.findall(r"\(([\d, ]+)\)", PAGE))))))
def test_a_decision_is_there(decision: str) -> None:
    assert list((ROOT / "docs" / "decisions").glob(f"{int(decision):04d}-*.md"))
