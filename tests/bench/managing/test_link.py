"""The link to a manager over a real socket and to a real process: what it may say, and who is blamed."""

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.managing.answer import NoAnswer, understood
from bench.managing.link import Link
from bench.verdicts import BenchFault, InputError
from tests.bench.managing.manager import manager

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["power", "warnings", "say"]), inner),
    max_leaves=6,
)


@given(JSON)
def test_whatever_it_says_is_an_answer_or_its_own_failure(said: Any) -> None:
    try:
        power = understood(said).power
    except NoAnswer:
        return
    assert isinstance(said, Mapping)
    assert power == float(said["power"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"3 kW please", "no JSON"), (b"[1]", "no object"), (b'{"power": "3"}', "finite number"),
        (b'{"power": NaN}', "finite number"), (b'{"power": true}', "finite number"), (b"{}", "finite number"),
        (b'{"power": 1, "warnings": ["soon"]}', "each with a departure"), (None, "did not answer"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_in_one_sentence(said: bytes | None, why: str) -> None:
    with manager(lambda _asked: said) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer, match=why):
            understood(link.decide({"contract": 1}))
        link.close()


def test_who_hung_up_is_asked_again() -> None:
    answers = iter([None, {"power": 5}])
    with manager(lambda _asked: next(answers)) as (address, _):
        link = Link(address)
        with pytest.raises(NoAnswer):
            link.decide({})
        assert link.decide({})["power"] == 5
        link.close()


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("http://127.0.0.1:9", "nobody answers"), ("ftp://somewhere", "never said"),
        ("nobody-of-this-name", "never said"),
        (f"{sys.executable} -c pass", "never said"), ("no-such-command --port 1", "cannot be started"),
    ],
)  # fmt: skip
def test_a_manager_that_there_is_not_is_wrong_input(which: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        Link(which)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_process_that_somebody_killed_is_not_its_own_failure() -> None:
    link = Link("reference")
    process = link._process
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(BenchFault, match="killed by signal 9"):
        link.decide({})
    link.close()


def test_a_process_that_was_started_ends_with_its_link() -> None:
    link = Link("reference")
    process = link._process
    assert process is not None
    link.close()
    link.close()
    assert process.poll() is not None
