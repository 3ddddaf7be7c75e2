"""YAML as data: what it says, or `yaml.YAMLError` and nothing else, with each value and as it is written."""

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models import yamltext

TAGS = ("seq", "map", "set", "omap", "pairs", "str", "int", "float", "bool", "null", "timestamp", "binary", "merge")


def refusal(text: str) -> str:
    with pytest.raises(yamltext.RefusedError) as caught:
        yamltext.parse(text)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment alone\n", "---\n", "~"])
def test_a_text_that_says_nothing_is_none(text: str) -> None:
    assert yamltext.parse(text) is None


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates()
tree = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=12)


@given(tree)
def test_what_was_written_is_read_back(content: Any) -> None:
    assert yamltext.parse(yaml.safe_dump(content)) == content


@given(st.text("-?:[]{}&*!|>%@`'\"#, \n\tab01<=.~", max_size=60))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    for read in (yamltext.parse, yamltext.parse_texts):
        with suppress(yaml.YAMLError):
            read(text)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    "text", ["!!{} x: 1", "!!{} '': 1", "? !!{} [a]\n: 1", "k: !!{} x", "k: !!{} [a]", "<<: !!{} x", "[!!{} {{a: 1}}]"]
)
def test_a_tag_that_its_value_does_not_fit_is_a_mistake_of_the_text(tag: str, text: str) -> None:
    """Also on a key, where what comes of it may be something that no mapping can be looked up by."""
    for kind in (yamltext.LOADER, yaml.SafeLoader, yaml.BaseLoader):
        with suppress(yaml.YAMLError):
            yamltext.parsed(text.format(tag), kind)


def test_a_key_that_is_a_list_by_its_tag_is_told_as_what_it_is() -> None:
    assert refusal("!!seq voltage: 1") == "not valid YAML: a value does not fit its type, or is nested too deep"


def test_a_value_is_read_as_its_kind_or_as_it_is_written() -> None:
    text = "{from: 16:30, rate: 1_000, on: yes, none: }"
    assert yamltext.parse(text) == {"from": 990, "rate": 1000, True: True, "none": None}
    assert yamltext.parse_texts(text) == {"from": "16:30", "rate": "1_000", "on": "yes", "none": ""}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, key a"),
        ("a:\n  - {b: 1, c: 2, b: 3}\n", "line 2, key b"),
        ('-10: 1\n"-10": 2\n', "line 2, key -10"),
        ("-10: 1\n-10.0: 2\n", "line 2, key -10.0"),
        ("1: a\ntrue: b\n", "line 2, key true"),
        (".nan: 1\n.nan: 2\n", "line 2, key .nan"),
        ("<<: {a: 1}\n<<: {b: 2}\n", "line 2, key <<"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_line(text: str, where: str) -> None:
    assert refusal(text) == f"{where}: given twice; one of them would be lost"


def test_a_long_key_or_one_of_several_lines_is_named_on_one_line_and_cut() -> None:
    sentence = refusal('"a\\nb": 1\n"a\\nb": 2\n')
    assert sentence.startswith("line 2, key a b: ")
    sentence = refusal(f"{'k' * 90}: 1\n{'k' * 90}: 2\n")
    assert f"{'k' * 57}...:" in sentence
    assert "k" * 58 not in sentence


def test_texts_that_are_written_alike_are_one_key_of_texts_and_others_are_two() -> None:
    assert yamltext.parse_texts("{1: a, 1.0: b}") == {"1": "a", "1.0": "b"}
    with pytest.raises(yamltext.RefusedError, match="given twice"):
        yamltext.parse_texts("{time: a, time: b}")


def test_what_stands_beside_a_merged_mapping_counts_more() -> None:
    assert yamltext.parse("base: &b {a: 1, c: 3}\nown: {<<: *b, a: 2}\n")["own"] == {"a": 2, "c": 3}


def test_an_alias_is_written_out_and_a_bomb_of_them_is_refused() -> None:
    assert yamltext.parse("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "its aliases unfold into more than 100000 values; write them out" in refusal("\n".join(lines))


@pytest.mark.parametrize("text", ["&a [*a]", "&a {a: *a}", "a: &x {<<: *x}"])
def test_what_holds_itself_is_refused_and_not_followed_for_ever(text: str) -> None:
    assert "its aliases unfold" in refusal(text)


def test_a_long_text_without_aliases_may_have_as_many_values_as_it_needs() -> None:
    count = yamltext.LARGEST_TREE + 1
    assert len(yamltext.parse(f"[{', '.join(['1'] * count)}]")) == count


def test_a_refusal_says_the_file_and_the_place_as_far_as_it_is_known() -> None:
    assert yamltext.RefusedError("no", "line 3, key a").of("x.yaml") == "x.yaml, line 3, key a: no."
    assert yamltext.RefusedError("no").of("x.yaml") == "x.yaml: no."


def test_a_second_document_and_code_to_be_run_are_refused() -> None:
    for text in ("a: 1\n---\nb: 2\n", "!!python/object/apply:os.getcwd []"):
        with pytest.raises(yaml.YAMLError):
            yamltext.parse(text)
