"""A profile of any length is judged and played in the memory of a block of its points."""

import tracemalloc
from pathlib import Path

import pytest

from bench import profile
from bench.profile import Playback, survey

MEGABYTE = 2**20


@pytest.mark.parametrize("points", [100_001, pytest.param(1_000_001, marks=pytest.mark.long)])
def test_any_number_of_points_is_judged_and_played_in_the_memory_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    """A hundred thousand lines are 6 MB as Python has them, a million 60; blocks are so small that neither fits."""
    path = tmp_path / "long.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("time_s,current_A\n")
        file.writelines(f"{number / 10},{number % 3 - 1}\n" for number in range(points))
    monkeypatch.setattr(profile, "BLOCK", 4096)
    tracemalloc.start()
    try:
        found = survey(path, "current")
        playback = Playback(path, "current", "previous")
        last = playback.at(found.duration - 0.05), playback.at(found.duration)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.count, found.duration) == (points, (points - 1) / 10)
    assert last == ((points - 2) % 3 - 1, (points - 1) % 3 - 1)
    assert peak < 3 * MEGABYTE
