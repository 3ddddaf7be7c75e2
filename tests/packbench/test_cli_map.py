"""`packbench map`: what it is asked for is there, or it is told in one sentence before anything is measured."""

from pathlib import Path

import pytest

from tests.bench.cli_support import packbench_in


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--packs", ","), "--packs ',' names nothing; give a name, or leave it out."),
        (("--roads", " , "), "--roads ' , ' names nothing"),
        (("--seasons", ",", "--seasons", ","), "--seasons ',,,' names nothing"),
        (("--strategies", ","), "--strategies ',' names nothing"),
        (("--packs", "lfp-vehicel"), "'lfp-vehicel' is neither a file nor a shipped name; did you mean 'lfp-vehicle'"),
        (("--roads", "urban, urbn"), "no road 'urbn' (nearest: urban)"),
        (("--seasons", "winter@7,winer"), "season 'winer': no season 'winer' (nearest: winter)"),
        (("--seasons", "winter@24"), "season 'winter@24': an hour is from 0 to less than 24"),
        (("--seasons", "winter@noon"), "season 'winter@noon': an hour is a number"),
        (("--strategies", "follow-limt"), "There is no strategy 'follow-limt'; did you mean 'follow-limit'"),
        (("--conditioning", "wihtout"), "--conditioning 'wihtout': did you mean 'without'"),
        (("--car", "renault-6"), "no car 'renault-6' (nearest: renault-5-class)"),
        (("--tariff", "none.yaml"), "none.yaml"),
        ((), "cells cannot be conditioned to nan degC"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_told_and_nothing_is_measured(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    # With a target that no pack is charged at, which is looked at last: nothing is measured whatever is overlooked.
    answer = packbench_in(tmp_path, "map", "--target", "nan", *options)
    assert answer.status == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1
    assert not list(tmp_path.glob("runs/*"))
