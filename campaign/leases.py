"""How the lease of a bench is found: held by somebody who is there, left by somebody who died, or expired."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.safety.lease import BenchLease
from campaign.served import ROOT

LEASE = "bench.lock"
LONG_AGO = "2020-01-01T00:00:00+00:00"
LEAVES = "import os; from pathlib import Path; from bench.safety.lease import BenchLease; "
LEAVES += "lease = BenchLease(Path({path!r}), 'campaign'); os._exit(0)"


@contextmanager
def lease_found(path: Path, how: str) -> Iterator[None]:
    """Have whoever opens a bench find its lease like this; nothing is there where it is not said how."""
    if how == "left":
        subprocess.run([sys.executable, "-c", LEAVES.format(path=str(path))], cwd=ROOT, check=True)
    if how not in {"held", "expired"}:
        yield
        return
    held = BenchLease(path, "campaign")
    if how == "expired":
        record = path.with_suffix(".holder.json")
        content = json.loads(record.read_text(encoding="utf-8"))
        record.write_text(json.dumps({**content, "until": LONG_AGO, "ends": 0.0}), encoding="utf-8")
    try:
        yield
    finally:
        held.release()
