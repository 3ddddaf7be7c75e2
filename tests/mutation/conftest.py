"""A small project that is mutated: a limit that is tested well, and one thing that nobody tests."""

from pathlib import Path

import pytest

SOURCE = '''"""Guards one voltage."""

LIMIT = 4.2


def trips(voltage: float) -> bool:
    """Whether `voltage` is beyond the limit."""
    return voltage > LIMIT


def word(voltage: float) -> str:
    """Nobody tests what it says."""
    return "high" if trips(voltage) else "fine"


def waits(scans: int) -> int:
    """Counts `scans` down to nothing."""
    while scans > 0:
        scans -= 1
    return scans
'''
TESTS = """import little


def test_the_limit_itself_is_no_violation():
    assert not little.trips(4.2)
    assert little.trips(4.201)


def test_it_ends():
    assert little.waits(3) == 0


def test_a_word_is_said():
    assert little.word(4.0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tree of the small project."""
    tree = tmp_path / "project"
    tree.mkdir()
    (tree / "little.py").write_text(SOURCE, encoding="utf-8")
    (tree / "test_little.py").write_text(TESTS, encoding="utf-8")
    (tree / "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
    return tree


@pytest.fixture(autouse=True)
def with_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of mutants draw by a seed, which hypothesis takes: it is not left out of them."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
