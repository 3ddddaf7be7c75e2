"""A pytest plugin that notes the truth of every run beside it: `python -m pytest test_cases -p truth.watching`.

It changes nothing of a test: a witness in the world of its virtual bench sees each scan, and what it saw is written
into the run's folder as `truth.parquet` when the test is over.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from truth.witness import Witness

FILE = "truth.parquet"


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Watch the bench of a test that has one."""
    if "bench" not in request.fixturenames:
        yield
        return
    bench = request.getfixturevalue("bench")
    folder, witness = bench.run_log.folder, Witness.of(bench)
    yield
    pq.write_table(pa.table(dict(witness.columns)), folder / FILE)
