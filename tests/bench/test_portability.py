"""Bench PCs often run Windows: nothing that only POSIX has is imported when a module is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

POSIX_ONLY = {
    "crypt", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog",
    "termios", "tty",
}  # fmt: skip

SOURCES = sorted(
    path for folder in ("models", "instruments", "bench", "reports") for path in (ROOT / folder).rglob("*.py")
)


def imported(node: ast.AST) -> Iterator[str]:
    """Top-level names of what is imported when the module is: not in functions, nor behind an `if` or a `try`."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                yield from (alias.name.partition(".")[0] for alias in child.names)
            case ast.ImportFrom():
                yield (child.module or "").partition(".")[0]
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.If() | ast.Try():
                continue
            case _:
                yield from imported(child)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_posix_only_is_imported_with_a_module(path: Path) -> None:
    assert POSIX_ONLY.isdisjoint(imported(ast.parse(path.read_text(encoding="utf-8"))))


def test_all_floors_are_looked_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == {"models", "instruments", "bench", "reports"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import fcntl", True),
        ("import os.path, pty as p", True),
        ("from termios import tcgetattr", True),
        ("class A:\n    import pwd", True),
        ("with x:\n    import grp", True),
        ("def f():\n    import fcntl", False),
        ("import sys\nif sys.platform != 'win32':\n    import fcntl", False),
        ("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", False),
    ],
)
def test_what_counts_as_guarded(source: str, found: bool) -> None:
    assert POSIX_ONLY.isdisjoint(imported(ast.parse(source))) is not found
