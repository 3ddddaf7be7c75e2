"""Runs benchmarks: `python -m benchmarks [name ...]`, all of them without a name."""

import sys

from benchmarks import (
    adversary,
    against,
    bytecodes,
    driving,
    guard,
    judging,
    latency,
    live,
    loop,
    managing,
    maps,
    meters,
    models,
    nightly,
    nights,
    opening,
    profile,
    recorder,
    report,
    same_bytes,
    start_up,
    supervisor,
    wheel,
    wires,
)

BENCHMARKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        loop, against, bytecodes, guard, recorder, profile, models, start_up, same_bytes, nightly, nights, latency,
        live, opening, supervisor, wheel, judging, driving, maps, wires, managing, adversary, report, meters,
    )
}  # fmt: skip


def main(*names: str) -> int:
    """Exit status: 2 for a name that there is not."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        print(f"== {name}")
        BENCHMARKS[name].main()
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
