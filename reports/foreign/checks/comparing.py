"""Counters held against the integral of the current: a ratio that is that of two units betrays one of them."""

from collections.abc import Iterator

from reports.foreign import source as labels
from reports.foreign.amounts import DIFFERENT, TELLS, WORST, Amount, amounts_of
from reports.foreign.exam import AMOUNTS, IN_TIME, Exam
from reports.foreign.source import Finding

ORDER = 70
NEAR = 0.05
ALIKE = 0.2
MILLI, KILO = 1e-3, 1e3
TIMES = {3600.0: "hours", 60.0: "minutes"}
WAYS = {labels.CHARGE_AH: "charged", labels.DISCHARGE_AH: "discharged"}
FINEST = 0.5
"""s between records: a table whose time is that fine in its own unit is more likely in a longer one."""


def ratio(exam: Exam) -> Iterator[Finding]:
    """See the module; what is not the ratio of two units is looked at step by step."""
    if not exam.believes(labels.TIME, labels.CURRENT) or not exam.counted:
        return
    found = [each for each in _compared(exam) if each.counter > 0 and each.integral > 0]
    found = [each for each in found if not (each.open or each.swings)]
    counted, integral = sum(each.counter for each in found), sum(each.integral for each in found)
    if not integral or not counted or abs(counted / integral - 1) < DIFFERENT or not _alike(found, counted / integral):
        return
    yield from _in_another_unit(exam, counted, integral)


def _alike(found: list[Amount], times: float) -> bool:
    """Whether nearly all that flowed is wrong by the same ratio, as only a unit makes it."""
    alike = sum(each.counter for each in found if abs(each.counter / each.integral / times - 1) < ALIKE)
    return alike > 0.8 * sum(each.counter for each in found)


def _in_another_unit(exam: Exam, counted: float, integral: float) -> Iterator[Finding]:
    said = f"The counters say {counted:.5g} Ah and the integral of current over time {integral:.5g} Ah"
    times = counted / integral
    unit = next((word for value, word in TIMES.items() if abs(times / value - 1) < NEAR), "")
    if unit and not exam.believes(labels.WALL) and exam.typical < FINEST:
        yield Finding(
            "time in another unit",
            f"{said}, {1 / times:.3g} of it: test time is in {unit}, not in seconds. Nothing that depends on time is "
            "computed; give its unit in the header, as in 'Test Time / h'.",
            IN_TIME,
        )
    elif abs(times / MILLI - 1) < NEAR:
        which = (
            "the current is in mA" if exam.believes(labels.WALL) else "the current is in mA, or time in milliseconds"
        )
        text = (
            f"{said}, a thousand times as much: {which}. Amounts are those of the counters; what needs a current is "
            "not computed."
        )
        yield Finding("columns in another unit", text, frozenset({labels.CURRENT, labels.TIME, *labels.COUNTERS_WH}))
    elif unit or abs(times / KILO - 1) < NEAR or times > 2 or times < 0.5:
        text = (
            f"{said}, {times:.4g} times apart: one of the columns is in another unit or counts something else, and no "
            "amount is computed."
        )
        yield Finding("columns in another unit", text, AMOUNTS)


def _compared(exam: Exam) -> list[Amount]:
    found = amounts_of(exam)
    most = max((each.segment.charge for each in found), default=0.0)
    return [each for each in found if each.segment.charge >= TELLS * most]


def sparse(exam: Exam) -> Iterator[Finding]:
    """Without counters an integral must do; where the records are too few for it, or have holes, it is not told."""
    if not exam.believes(labels.TIME, labels.CURRENT):
        return
    bad = [each for each in _compared(exam) if not each.counted and unknown(each) and not each.swings]
    holes = [each.segment for each in bad if each.gap]
    if holes:
        yield Finding(
            "gap",
            f"{_without(exam)}, and {len(holes):,} of {len(exam.moving):,} steps have a gap in which nobody knows "
            f"what flowed (first in {exam.row(holes[0].start)} to {holes[0].stop:,}): their amounts are not told.",
        )
    if len(bad) > len(holes):
        worst = max((each for each in bad if not each.gap), key=lambda each: each.doubtful)
        doubt = min(100 * worst.doubtful, 999)
        yield Finding(
            "sparse records",
            f"{_without(exam)}, and the records are too sparse for {len(bad) - len(holes):,} of "
            f"{len(exam.moving):,} steps to be integrated (every {exam.typical:.4g} s; worst in "
            f"{exam.row(worst.segment.start)} to {worst.segment.stop:,}, about {doubt:.2g} % in doubt): their amounts "
            "are not told.",
        )


def _without(exam: Exam) -> str:
    """Which counters there are not."""
    missing = [word for label, word in WAYS.items() if label not in exam.counted]
    return "There are no counters" if len(missing) != 1 else f"There is no counter of what is {missing[0]}"


def agreement(exam: Exam) -> Iterator[Finding]:
    """How far counters and integration are apart, always said: a difference is news also where it is explained."""
    if not exam.believes(labels.TIME, labels.CURRENT) or exam.withheld & set(labels.COUNTERS_AH):
        return
    found = [each for each in _compared(exam) if each.counted]
    found = [each for each in found if not (each.gap or each.open or each.uncounted or each.swings)]
    if not found:
        return
    worst = max(found, key=lambda each: abs(each.difference))
    share = 100 * abs(worst.difference)
    apart = f"{share:.2g} %" if share < 99 else f"{share:.0f} %"
    refused = sum(contradicts(each) for each in found)
    if refused:
        yield Finding(
            "counters and integration differ",
            f"In {refused} of {len(found)} steps the counter and the integral of the current differ by more than "
            f"{100 * DIFFERENT:g} % and the distance of records does not explain it (worst {apart}: "
            f"{worst.counter:.5g} and {worst.integral:.5g} Ah, from {exam.row(worst.segment.start)}): their amounts "
            "are not told.",
        )
    else:
        yield Finding(
            "counters and integration",
            f"Amounts are those of the counters; integration is within {apart} of them in every step."
            + (f" {_without(exam)}: its amounts are integrals." if _integrates(exam) else ""),
        )


def _integrates(exam: Exam) -> bool:
    """Whether something moved in a direction of which there is no counter."""
    return any(not each.counted for each in amounts_of(exam))


def to_and_fro(exam: Exam) -> Iterator[Finding]:
    """Pulses that are shorter than the records are apart: a counter has counted them, an integral has not."""
    if not exam.believes(labels.TIME, labels.CURRENT):
        return
    found = [each for each in _compared(exam) if each.swings]
    if found:
        low, high = found[0].swings or (0.0, 0.0)
        counted = all(each.counted for each in found)
        then = "amounts are those of the counters" if counted else "amounts that no counter tells are not told"
        yield Finding(
            "current to and fro",
            f"In {len(found):,} of {len(exam.moving):,} steps the current goes to and fro from record to record "
            f"(first from {exam.row(found[0].segment.start)}, between {low:.4g} and {high:.4g} A): its pulses are "
            f"shorter than records are apart ({exam.typical:.4g} s), so that no integral tells what flowed; {then}.",
        )


def unseen(exam: Exam) -> Iterator[Finding]:
    """Steps whose records end before they did, and one that had begun before the recording."""
    if not exam.believes(labels.TIME):
        return
    cut = [each.segment for each in amounts_of(exam) if each.open]
    if cut and not cut[0].start:
        yield Finding(
            "records are missing", "The recording begins in the middle of a step: how much it moved is not told."
        )
    ended = [each for each in cut if each.start]
    if ended:
        first = ended[0]
        seconds = exam.intervals[first.stop - 1]
        yield Finding(
            "records are missing",
            f"The records of {len(ended)} of {len(exam.moving)} steps end long before the next step begins (first in "
            f"{exam.row(first.stop - 1)}, {seconds:.4g} s before it): how much they moved is not told.",
        )


def uncounted(exam: Exam) -> Iterator[Finding]:
    """Steps in which a current flowed while its counter stood still: 0 Ah is not what they moved."""
    if not exam.believes(labels.TIME, labels.CURRENT):
        return
    still = [each.segment for each in amounts_of(exam) if each.uncounted and not each.open]
    if still:
        yield Finding(
            "counters stand still",
            f"In {len(still):,} of {len(exam.moving):,} steps the counter stands still while a current flows (first "
            f"from {exam.row(still[0].start)}, {still[0].seconds:.4g} s): how much they moved is not told.",
        )


def unknown(amount: Amount) -> bool:
    """Whether the amount of a step is not told: nobody saw its end or counted it, or counter and integral disagree."""
    if amount.open or amount.uncounted:
        return True
    if amount.counted:
        return not amount.gap and contradicts(amount)
    return amount.doubtful > WORST or amount.gap or amount.swings is not None


def contradicts(amount: Amount) -> bool:
    """Whether a counter and an integral that is well known differ too much."""
    apart, likely = abs(amount.integral - amount.counter), 3 * amount.error + amount.digits
    return apart > DIFFERENT * max(amount.counter, amount.integral) + likely


CHECKS = (ratio, to_and_fro, sparse, unseen, uncounted, agreement)
