"""One name for one thing, one home for what several rooms need: counted over all rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("models", "managers", "fitting", "instruments", "bench", "reports", "packbench")


def modules() -> Iterator[Path]:
    """Every module that is shipped."""
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


def test_how_a_near_miss_is_found_has_one_home_above_the_models() -> None:
    """Models import nothing of ours: their files' words are their own."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if "get_close_matches" in path.read_text(encoding="utf-8")
    }
    assert users == {"instruments/wording.py", "models/fields.py"}
