"""One name for one thing, one home for what several rooms need: counted over all rooms."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("models", "managers", "fitting", "instruments", "bench", "reports", "packbench", "campaign")
SIMULATORS = "instruments.virtual.simulators"


def modules() -> Iterator[tuple[str, Path]]:
    """Every module that is shipped, by its name."""
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imported(text: str) -> Iterator[str]:
    """Names of modules, and of what is imported from them, wherever the import stands."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_how_a_near_miss_is_found_has_one_home_above_the_models() -> None:
    """Models import nothing of ours: their files' words are their own."""
    users = {name for name, path in modules() if "get_close_matches" in path.read_text(encoding="utf-8")}
    assert users == {"instruments.wording", "models.fields"}


def test_nobody_names_a_simulator_outside_its_file() -> None:
    """What is in a simulator's file, or folder, is imported there alone; whoever wants one finds it by its name."""
    for name, path in modules():
        family = name.removeprefix(f"{SIMULATORS}.").partition(".")[0] if name.startswith(SIMULATORS) else ""
        foreign = {
            each
            for each in imported(path.read_text(encoding="utf-8"))
            if each.startswith(f"{SIMULATORS}.") and each.removeprefix(f"{SIMULATORS}.").partition(".")[0] != family
        }
        assert not foreign, (name, foreign)


def test_what_is_written_for_others_uses_the_public_door_alone() -> None:
    """In each block of a page: nobody learns there what may be different tomorrow."""
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")]
    block = re.compile(r"^ *```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
    blocks = [(page, text) for page in pages for text in block.findall(page.read_text(encoding="utf-8"))]
    assert len(blocks) > 10
    for page, text in blocks:
        rooms = {line.partition(".")[0] for line in re.findall(r"^ *(?:from|import) +([\w.]+)", text, re.MULTILINE)}
        assert not rooms & ({*ROOMS} - {"packbench"}), (page, rooms)


def test_five_words_have_one_meaning_each() -> None:
    """A word that two rooms define is asked about by whoever reads the third."""
    defined: dict[str, list[str]] = {word: [] for word in ("Plan", "Limit", "Outcome", "Settling", "Clock")}
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name in defined:
                defined[node.name].append(name)
    assert defined == {
        "Plan": ["bench.safety.plan"], "Limit": ["bench.safety.guard"], "Outcome": ["reports.outcome"],
        "Settling": ["instruments.virtual.terminals"], "Clock": ["bench.clock"],
    }  # fmt: skip
