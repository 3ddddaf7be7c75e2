"""What a run knows of its bench before the first step, as it stands on disk."""

import json

from bench.testing import TestBench


def test_a_run_keeps_what_it_takes_to_have_it_again(little_bench: TestBench) -> None:
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["seed"], manifest["defects"]) == (0, [])
    assert manifest["pack"]["series"] == 4
    assert manifest["pack"]["capacity"] == 2.0
