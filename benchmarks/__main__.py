"""Runs every benchmark."""

from benchmarks import loop, models, start_up

for benchmark in (loop, models, start_up):
    print(f"== {benchmark.__name__.rpartition('.')[2]}")
    benchmark.main()
    print()
