"""Limits that a recording is judged by afterwards: those of a pack, or of a file with nothing else, or a sentence."""

from math import isnan
from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.verdicts import InputError
from reports.limits import load_limits

ALONE = "schema: 2\nrequirements: {discharge capacity: 2.2}\n"


def written(folder: Path, text: str) -> str:
    path = folder / "limits.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_of_limits_alone_has_a_rated_capacity_and_sources_where_it_says_so(tmp_path: Path) -> None:
    bare = load_limits(written(tmp_path, ALONE))
    assert bare.requirements == {"discharge capacity": {"": {25.0: 2.2}}}
    assert isnan(bare.rated_capacity)
    assert bare.source_of("discharge capacity") == ""
    more = "rated_capacity: 2.3\nsources: {requirements.discharge capacity: a standard}\n"
    told = load_limits(written(tmp_path, ALONE + more))
    assert told.rated_capacity == 2.3
    assert told.source_of("discharge capacity", "C/3") == "a standard"


def test_a_pack_that_ships_gives_its_own_limits() -> None:
    pack, _ = load_pack("lfp-24s")
    found = load_limits("lfp-24s")
    assert (found.name, found.requirements, found.rated_capacity) == (
        "lfp-24s", pack.requirements, pack.rated_capacity,
    )  # fmt: skip
    assert any(found.source_of(key) for key in found.requirements)


def test_a_pack_file_is_read_as_one_and_not_as_limits_alone(tmp_path: Path) -> None:
    _, path = load_pack("lfp-24s")
    copy = written(tmp_path, path.read_text(encoding="utf-8"))
    assert load_limits(copy).requirements == load_limits("lfp-24s").requirements


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema: 2\nrequirements: {discharge capcity: 2.2}\n", r"limits\.yaml.*unknown KPI; did you mean 'discharge"),
        ("schema: 2\nrequirements: {discharge capacity: much}\n", r"limits\.yaml.*discharge capacity"),
        ("schema: 2\nrequirements: 2.2\n", r"limits\.yaml.*needs the keys of KPIs"),
        ("schema: 3\nrequirements: {}\n", r"limits\.yaml.*schema"),
        ("schema: 2\nrequirements: {}\nlimit: 3\n", r"limits\.yaml.*limit"),
        ("schema: 2\nrequirements: {discharge capacity: .nan}\n", r"limits\.yaml.*discharge capacity"),
        ("5\n", r"limits\.yaml"),
        ("just words\n", r"limits\.yaml"),
        ("a: [\n", r"limits\.yaml"),
    ],
    ids=[
        "unknown",
        "no number",
        "no keys",
        "another schema",
        "another key",
        "not a number",
        "a number",
        "no table",
        "no yaml",
    ],
)
def test_a_file_that_is_wrong_is_one_sentence_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        load_limits(written(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_bytes(b"\xff\xfe\x00schema")
    with pytest.raises(InputError, match=r"limits\.yaml"):
        load_limits(str(path))


def test_a_name_that_nobody_has_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"lfp-24s"):
        load_limits("lfp-25s")
