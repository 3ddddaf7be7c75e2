"""A pytest plugin that notes the truth of every run beside it: `python -m pytest test_cases -p truth.watching`.

It changes nothing of a test: a witness in the world of its virtual bench sees each scan, and what it saw is written
into the run's folder as `truth.parquet` when the test is over. What would have come behind the end of a step is
written beside it (`truth.behind`).
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from truth.behind import Onward
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
    Onward(lambda: witness.now, bench.engine.bench.pack, folder).watch(bench.engine)
    yield
    pq.write_table(pa.table(dict(witness.columns)), folder / FILE)
