"""Runs every benchmark."""

from benchmarks import guard, loop, models, start_up, supervisor

for benchmark in (loop, guard, models, start_up, supervisor):
    print(f"== {benchmark.__name__.rpartition('.')[2]}")
    benchmark.main()
    print()
