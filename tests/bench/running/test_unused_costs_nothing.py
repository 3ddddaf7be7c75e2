"""What nobody uses costs no scan anything: counted in bytecodes, the same on an idle machine and on a busy one."""

import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from bench.roles import registry as roles
from bench.running.procedures import registry as steps
from benchmarks import bytecodes
from tests.bench.conftest import Install
from tests.bench.roles import test_records
from tests.bench.running import test_procedures


@pytest.fixture(autouse=True)
def _tracing() -> Iterator[None]:
    """Whoever else traces, as a measurement of coverage does, goes on behind it."""
    before = sys.gettrace()
    yield
    sys.settrace(before)


def scanned() -> Counter[str]:
    """Bytecodes of 40 scans of a charge, by function."""
    found = Counter[str]()
    for code, count in bytecodes.measure("virtual-module").bytecodes.items():
        found[f"{code.co_filename}:{code.co_firstlineno} {code.co_qualname}"] += count
    return found


def test_a_role_and_a_kind_of_step_that_are_installed_and_not_used_cost_no_scan_a_bytecode(install: Install) -> None:
    scanned()  # what any scan of this process has parsed before is known from then on
    before = scanned()
    install(roles.GROUP, "insulation tester", f"{test_records.__name__}:TESTER")
    install(steps.GROUP, "Trickle", f"{test_procedures.__name__}:TrickleProcedure")
    assert "insulation tester" in roles.names()
    after = scanned()
    assert after - before == before - after == Counter()
    assert before.total() > 10_000
