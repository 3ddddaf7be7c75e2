"""The rig that shares nothing with ours, running."""

from collections.abc import Iterator

import pytest

from tests.foreign.rig import Rig, running


@pytest.fixture
def rig() -> Iterator[Rig]:
    with running() as made:
        yield made
