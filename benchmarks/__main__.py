"""Runs every benchmark."""

from benchmarks import guard, loop, models, nightly, recorder, same_bytes, start_up, supervisor

for benchmark in (loop, guard, recorder, models, start_up, same_bytes, nightly, supervisor):
    print(f"== {benchmark.__name__.rpartition('.')[2]}")
    benchmark.main()
    print()
