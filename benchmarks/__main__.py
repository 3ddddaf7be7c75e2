"""Runs every benchmark."""

from benchmarks import guard, latency, loop, models, nightly, recorder, same_bytes, start_up, supervisor

for benchmark in (loop, guard, recorder, models, start_up, same_bytes, nightly, latency, supervisor):
    print(f"== {benchmark.__name__.rpartition('.')[2]}")
    benchmark.main()
    print()
