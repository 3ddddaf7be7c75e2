"""What is mutated and what is not, and that a sample is the same on every computer."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutation.mutants import Mutant, places
from mutation.sampling import sample, shares


def mutants(source: str) -> list[Mutant]:
    """All of them."""
    found = [place.mutant(which) for place in places("file.py", source) for which in range(len(place.instead))]
    return [mutant for mutant in found if mutant is not None]


def changes(source: str) -> set[str]:
    return {mutant.after for mutant in mutants(source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, b):\n    return a < b\n", {"return a <= b"}),
        ("def f(a):\n    return a + 1\n", {"return a - 1", "return a + 2"}),
        ("def f(a):\n    return not a\n", {"return a"}),
        ("def f(a, b):\n    return a and b\n", {"return a or b"}),
        ("LIMIT = 4.2\n", {"LIMIT = None", "LIMIT = 5.2"}),
        ("def f(supply):\n    supply.arm()\n", {"pass"}),
    ],
)
def test_what_is_said_wrongly(source: str, expected: set[str]) -> None:
    assert expected == changes(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""\n',
        "def f(a):\n    return f'{a + 1} V'\n",
        "def f(a: int | None) -> float | None: ...\n",
        "def f():\n    raise ValueError('too high', 3)\n",
        "Value = float | int\n",
        "import a.b\n",
        "HINT = 'look at the supply'\n",
        "__all__ = ['a', 'b']\n",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A: ...\n",
        "def f(a):\n    return logging.warning(a + 1)\n",
    ],
)
def test_what_nobody_could_notice_is_left_out(source: str) -> None:
    assert changes(source) == set()


def test_an_argument_of_words_is_left_alone_and_the_others_are_not() -> None:
    assert changes("def f(a):\n    return stop(a, label='over voltage')\n") == {
        "return stop(None, label='over voltage')",
        "return stop(label='over voltage')",
    }


def test_the_columns_that_a_guard_reads_are_no_words() -> None:
    assert "COLUMN = 'XXBus Voltage / VXX'" in changes("COLUMN = 'Bus Voltage / V'\n")


def test_the_type_of_a_cast_is_left_alone_and_its_value_is_not() -> None:
    assert changes("def f(a):\n    return cast('A', a + 1)\n") == {"return cast('A', a - 1)", "return cast('A', a + 2)"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if sys.platform == 'win32':\n    A = 1\nelse:\n    B = 1\n", {"B = 2", "B = None"}),
        ("if sys.platform != 'win32':\n    A = 1\nelse:\n    B = 1\n", {"A = 2", "A = None"}),
        ("def f(a):\n    if sys.platform == 'win32':\n        return 1\n    return 2\n", {"return 3"}),
    ],
)
def test_what_only_windows_runs_is_left_alone(source: str, expected: set[str]) -> None:
    assert changes(source) == expected


def test_what_another_platform_runs_is_not() -> None:
    assert {"A = 2", "if sys.platform != 'linux':"} <= changes("if sys.platform == 'linux':\n    A = 1\n")


def test_a_mutant_is_the_file_with_one_change_and_says_where() -> None:
    source = "A = 1\n\n\ndef f(a, b):\n    return g(\n        a < b,  # why\n        b,\n    )\n"
    (mutant,) = (mutant for mutant in mutants(source) if mutant.kind == "swap op")
    assert mutant.source == source.replace("<", "<=")
    assert (mutant.line, mutant.before, mutant.after) == (6, "a < b,  # why", "a <= b,  # why")


def test_what_runs_at_import_says_what_it_defines() -> None:
    source = "LIMITS = {\n    'a': 1,\n}\n\n\ndef f(a=2):\n    return a < 3\n"
    names = {(mutant.line, mutant.names) for mutant in mutants(source)}
    assert names == {(1, ("LIMITS",)), (2, ("LIMITS",)), (6, ("f",)), (7, ())}
    (field, *_) = mutants("class Limit:\n    at_most: float = 3\n")
    assert field.names == ("at_most", "Limit")


def test_every_mutant_is_another_program_that_compiles() -> None:
    source = (
        "def f(a, *rest):\n    b = dict(c=a)\n    for x in rest:\n        b[x] = x is None\n    return a if b else -a\n"
    )
    found = [mutant.source for mutant in mutants(source)]
    assert len(found) == 8
    for text in found:
        assert text != source
        compile(text, "file.py", "exec")


FILES = {
    f"{name}.py": places(f"{name}.py", f"def {name}(a):\n    return a + 1\n" * size)
    for name, size in zip("xyz", (1, 4, 9), strict=True)
}


def drawn(count: int, seed: int) -> list[str]:
    return [mutant.key for mutant in sample(FILES, count, seed)]


def test_a_seed_draws_the_same_sample_again_and_another_one_another() -> None:
    assert drawn(8, seed=3) == drawn(8, seed=3)
    assert drawn(8, seed=3) != drawn(8, seed=4)


def test_every_file_has_its_share() -> None:
    assert Counter(key.partition(":")[0] for key in drawn(14, seed=0)) == {"x.py": 1, "y.py": 4, "z.py": 9}


def test_no_place_is_drawn_twice_while_there_are_others() -> None:
    found = {"file.py": places("file.py", "def f(a, b):\n    return g(a, b, 1, 2)\n")}
    once = sample(found, len(found["file.py"]), seed=0)
    assert sorted(mutant.kind for mutant in once) == ["arg removal", "number", "number"]


def test_no_more_are_drawn_than_there_are() -> None:
    assert len(drawn(1000, seed=0)) == 28


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 50), min_size=1), st.integers(0, 200))
def test_shares_add_up_and_nobody_gives_more_than_he_has(weights: dict[str, int], count: int) -> None:
    shared = shares(weights, count)
    assert sum(shared.values()) == min(count, sum(weights.values()))
    assert all(shared[name] <= weights[name] for name in weights)
