"""Runs every benchmark."""

from benchmarks import guard, loop, models, start_up

for benchmark in (loop, guard, models, start_up):
    print(f"== {benchmark.__name__.rpartition('.')[2]}")
    benchmark.main()
    print()
