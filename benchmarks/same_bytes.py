"""Same seed, same station, same pack: the same bytes, in two processes that agree on nothing else."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = ["pytest", "test_cases/test_fast_recharge.py", "-q", "-p", "no:cacheprovider", "--temperatures=25"]


def digest(hash_seed: str, folder: Path) -> str:
    """SHA-256 over every `samples.parquet` of a small suite that ran in a process with this hash seed."""
    options = ["--runs", str(folder / "runs"), "--alluredir", str(folder / "results")]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-m", *SUITE, *options], check=True, capture_output=True, env=environment)
    samples = sorted((folder / "runs").glob("*/*/samples.parquet"), key=lambda path: path.parent.name.partition("-")[2])
    if not samples:
        raise RuntimeError("The suite left no samples.")
    return hashlib.sha256(b"".join(path.read_bytes() for path in samples)).hexdigest()


def main() -> None:
    """Print whether they are the same."""
    digests = []
    for hash_seed in ("1", "2"):
        with tempfile.TemporaryDirectory() as folder:
            digests.append(digest(hash_seed, Path(folder)))
    same = "identical" if digests[0] == digests[1] else "DIFFERENT"
    print(f"samples.parquet of two processes with one seed: {same} (SHA-256 {digests[0][:12]}, {digests[1][:12]})")


if __name__ == "__main__":
    main()
