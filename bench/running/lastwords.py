"""What instruments still have to say when a run ends, and what their links went through: asked before they are let go.

The bench is safe by then, so that a queue that is slow or an instrument that is gone holds nothing up but the end.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.players import Driver
from bench.safety.safestate import STEP_LIMIT
from bench.safety.timelimit import OutOfTime, in_time
from instruments.roles import CountsTroubles, HasErrorQueue

Queue = tuple[str, ...] | None


def error_queues(
    drivers: Mapping[str, Driver], given_up: Callable[[], bool], *, real_time: bool
) -> Iterator[dict[str, Any]]:
    """Empty the error queue of every instrument that has one: a record of each, as its event has it.

    `said` is what it held, `why` the reason where that is not known. Ends early where somebody is in a hurry.
    """
    for name, driver in drivers.items():
        if given_up():
            return
        if isinstance(driver, HasErrorQueue):
            found = _of(driver, given_up, real_time=real_time)
            if found is not None:
                yield {"instrument": name, **found}


def _of(driver: HasErrorQueue, given_up: Callable[[], bool], *, real_time: bool) -> dict[str, Any] | None:
    try:
        said: Queue = in_time(driver.error_queue, STEP_LIMIT, given_up) if real_time else driver.error_queue()
    except OutOfTime as error:
        return {"said": [], "why": f"its error queue {error}"}
    except Exception as error:  # noqa: BLE001 - a queue that cannot be read is one line of evidence less, no more
        return {"said": [], "why": str(error) or type(error).__name__}
    return None if said is None else {"said": list(said), "why": ""}


def troubles(drivers: Mapping[str, Driver]) -> dict[str, dict[str, int]]:
    """What went wrong on each link that counts it, by instrument."""
    return {name: dict(driver.troubles) for name, driver in drivers.items() if isinstance(driver, CountsTroubles)}
