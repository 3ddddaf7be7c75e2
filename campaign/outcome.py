"""What came of one injected fault, and whether that is what the campaign expects.

Three things are never forgiven, whatever is expected: an output that is on while the bench verdict says off, an output
that is on without the operator being told, and an exit status that says less than the bench verdict.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bench.safety import faults
from bench.verdicts import FAILED, ExitStatus
from campaign.catalogue import VERDICTS, Injection, Phase

Noticed = Literal["ended", "warned", "told", "no"]

DEAD_CURRENT = 0.1
"""A below which no current flows; a leak inside a cell is none."""
NEVER_ENDED = "never ended"
"""Verdict of a run whose process was gone before it could be given one."""
UNSAFE = "BENCH FAULT"
"""Verdict that a run may have whose bench could not be verified safe."""
STATUS = {**dict.fromkeys(FAILED, 1), "bench": 3, "test": 2, "operator": 130}
"""Exit status of a session by whose fault it ended; 3 before all others where the bench was not verified safe."""


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """One case. Times in s: of the bench on the virtual clock, of the wall for a process."""

    fault: str
    level: str
    words: str
    phase: str
    dangerous: bool
    expected: str
    group: str = ""
    """File of the catalogue that the fault stands in."""
    kinds: tuple[str, ...] = ()
    """What the fault counts as, beside a fault."""
    injected: float | None = None
    second: float | None = None
    """When the second of two faults came; None: never, or there is none."""
    noticed: Noticed = "no"
    named: str = ""
    """Id in the bench's fault catalogue."""
    layer: str = ""
    blame: str = ""
    text: str = ""
    listed: tuple[str, ...] = ()
    """Ids of every cause and warning that the run keeps, in time order."""
    off: bool = False
    """Whether every output was off in the end, as seen from outside."""
    off_after: float | None = None
    """From the injection until the last output was off for good; None: it never was on again, or never went off."""
    current: float | None = None
    """Through the battery in the end, A; None: nobody was left to see it."""
    verified: bool | None = None
    """What the bench verdict says; None: there is none."""
    bench: str = ""
    """The bench verdict in words, where it is not safe."""
    lost: float | None = None
    """Recorded time that is missing before the end, s."""
    verdict: str = ""
    status: int | None = None
    """Exit status of the session; None where there was no session, or it was killed."""
    overran: bool = False
    """Whether a current flowed far longer than the test asked for."""
    touched: bool = False
    """Whether anything was sent to an instrument of a bench that somebody else holds."""
    problems: tuple[str, ...] = field(default=())

    @property
    def undetected(self) -> bool:
        """Whether something should have been noticed and was not; what was never injected has proved nothing."""
        if self.injected is None:
            return self.expected != "passes"
        if self.expected == "alone":
            return self.flows  # nobody was left to notice: what counts is that no current goes on
        return self.expected != "passes" and self.noticed == "no"

    @property
    def undecided(self) -> bool:
        """Whether the run ended without an answer that could have been read on the wire."""
        return self.expected == "ends" and self.verdict == "INCONCLUSIVE"

    @property
    def isolated(self) -> bool:
        """Whether an output that is on drives nothing: a contactor is open."""
        return not self.off and self.current is not None and self.current < DEAD_CURRENT

    @property
    def flows(self) -> bool:
        """Whether an output that is on drives a current, as far as anybody has seen."""
        return not self.off and not self.isolated

    @property
    def told(self) -> bool:
        """Whether the operator was told that the bench is not safe."""
        return bool(self.bench)


def of(fault: str, injection: Injection, phase: Phase) -> CaseOutcome:
    """The outcome of a case of which nothing is known yet."""
    expected = injection.expectations[phase]
    return CaseOutcome(
        fault, injection.level, injection.words, phase, injection.dangerous, expected, injection.group, injection.kinds
    )  # fmt: skip


def noticed_in(
    manifest: Mapping[str, Any], events: Sequence[Mapping[str, Any]], since: float, named: Sequence[str]
) -> dict[str, Any]:
    """Who noticed something in a recorded run, and what: its cause, else a warning, else its bench verdict.

    `since` is when (s of test time) it was injected: what was told before cannot be meant.
    """
    cause, safe = manifest.get("cause"), manifest.get("bench_verdict")
    if cause is not None and cause["fault"] != "not-verified-safe":
        return words("ended", cause["fault"], cause["blame"], cause["text"])
    warnings = [event for event in events if event["type"] in ("warning", "hold started") and event["time"] >= since]
    # The fault's own name first: another warning may come of it as well.
    warnings.sort(key=lambda event: event["fault"] not in named)
    if warnings:
        first = warnings[0]
        return words("warned", first["fault"], first["blame"], first["text"])
    if safe is not None and not safe["safe"]:
        return words("told", "not-verified-safe", "bench", cause["text"] if cause else "")
    return {}


def listed_in(manifest: Mapping[str, Any], events: Sequence[Mapping[str, Any]], since: float) -> tuple[str, ...]:
    """Ids of all causes of a recorded run, and of what it warned of from `since` (s of test time) on."""
    causes = manifest.get("causes") or [cause for cause in [manifest.get("cause")] if cause is not None]
    warnings = [event for event in events if event["type"] in ("warning", "hold started") and event["time"] >= since]
    return tuple(dict.fromkeys(str(each["fault"]) for each in (*causes, *warnings)))


def words(noticed: Noticed, fault: str, blame: str, text: str) -> dict[str, Any]:
    """Who noticed, in the words of the bench's catalogue."""
    return {
        "noticed": noticed,
        "named": fault,
        "layer": faults.fault(fault).layer if fault in faults.ids() else "?",
        "blame": blame,
        "text": text,
    }


def unsafe_words(bench_verdict: Mapping[str, Any] | None) -> str:
    """The steps that could not be verified, in words; nothing when all were."""
    steps = bench_verdict["steps"] if bench_verdict else ()
    return "; ".join(f"{step['name']}: {step['detail']}" for step in steps if step["verified"] is False)


def judged(outcome: CaseOutcome, injection: Injection) -> CaseOutcome:
    """The outcome with everything about it that is not as it should be."""
    return replace(outcome, problems=tuple(_problems(outcome, injection)))


def _problems(outcome: CaseOutcome, injection: Injection) -> Iterator[str]:
    if outcome.injected is None:
        yield f"it was never injected: the run ended before ({outcome.text or outcome.verdict})"
        return
    if not outcome.off and outcome.verified:
        yield "the bench verdict says off, and an output is on"
    if not outcome.off and not outcome.told:
        yield "an output is on and nobody is told"
    if outcome.touched:
        yield "something was sent to the instruments of a bench that somebody else holds"
    if outcome.expected == "alone":
        if outcome.flows:
            yield "a current flows on, and nobody is left who could end it"
        return
    yield from _of_the_expectation(outcome, injection)
    yield from _of_the_operator(outcome, injection)
    if injection.also is not None:
        yield from _of_the_second(outcome, injection)


def _of_the_operator(outcome: CaseOutcome, injection: Injection) -> Iterator[str]:
    """What the bench verdict says to whoever must go there."""
    told = [text for text in (injection.told, injection.also.told if injection.also else "") if text]
    if outcome.told and not told:
        yield f"the bench could not be verified safe, which this fault is no reason for: {outcome.bench}"
    if not outcome.told:
        return
    for text in told:
        if text not in outcome.bench:
            yield f"the operator should read {text!r} and reads {outcome.bench!r}"
    if outcome.status not in (None, ExitStatus.BENCH_FAULT):
        yield f"the bench could not be verified safe, and the exit status is {outcome.status}"


def _of_the_second(outcome: CaseOutcome, injection: Injection) -> Iterator[str]:
    """Whether the second of two faults came, and is listed beside the first."""
    also = injection.also
    if outcome.second is None:
        yield f"the second fault was never injected: the run ended before ({outcome.text or outcome.verdict})"
    elif also is not None and also.named and not set(also.named) & set(outcome.listed):
        yield f"the second fault should be listed as {' or '.join(also.named)}; listed is {', '.join(outcome.listed)}"


def _of_the_expectation(outcome: CaseOutcome, injection: Injection) -> Iterator[str]:
    match outcome.expected, outcome.noticed:
        case "passes", _:
            yield from _of_no_harm(outcome)
        case "told", _:
            if not outcome.told:
                yield "the operator should be told, and is not"
        case _, "no":
            yield f"nobody noticed; it should be named {' or '.join(injection.named)}"
        case expected, noticed:
            if expected == "ends" and noticed == "warned":
                yield f"the run should end, and {outcome.named} was only a warning"
            if expected == "warns" and noticed != "warned":
                yield f"the run should go on with a warning, and ended: {outcome.text}"
            yield from _of_the_words(outcome, injection)
            yield from _of_the_verdict(outcome, injection)


def _of_no_harm(outcome: CaseOutcome) -> Iterator[str]:
    if outcome.noticed in ("ended", "told"):
        yield f"it should do no harm, and the run was {outcome.noticed} by {outcome.named}: {outcome.text}"
    elif outcome.verdict != "PASS":
        yield f"it should do no harm, and the run ended as {outcome.verdict}"
    if outcome.overran:
        yield f"a current flowed for {outcome.off_after} s, far longer than the test asked for"


def _of_the_words(outcome: CaseOutcome, injection: Injection) -> Iterator[str]:
    if outcome.named not in injection.named:
        yield f"it was named {outcome.named} ({outcome.text}), not {' or '.join(injection.named)}"
    if outcome.blame != injection.blame:
        yield f"{outcome.blame} was blamed, not {injection.blame}"
    if not injection.located_in(outcome.text):
        yield f"the cause should say {injection.locates!r} and says {outcome.text!r}"


def _of_the_verdict(outcome: CaseOutcome, injection: Injection) -> Iterator[str]:
    """Whether verdict and exit status say what the blame does; a process that was killed has neither."""
    if outcome.expected != "ends" or outcome.verdict == NEVER_ENDED or injection.blame is None:
        return
    own = injection.verdict or VERDICTS[injection.blame]
    # A pack is not failed by a bench that nobody could verify.
    allowed = {UNSAFE} | ({own} - {*FAILED.values()}) if outcome.told else {own}
    if outcome.verdict not in allowed:
        yield f"the verdict is {outcome.verdict}, not {' or '.join(sorted(allowed))}"
    if not outcome.told and outcome.status not in (None, STATUS[injection.blame]):
        yield f"the exit status is {outcome.status}, not {STATUS[injection.blame]}"


def write(outcome: CaseOutcome, folder: Path) -> None:
    """Keep an outcome in a file of its own: cases run in several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{outcome.level}-{outcome.fault}-{outcome.phase}.json".replace(" ", "-")
    (folder / name).write_text(json.dumps(asdict(outcome), indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> list[CaseOutcome]:
    """Every outcome that was kept."""
    return [_from(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


def _from(content: dict[str, Any]) -> CaseOutcome:
    lists = ("problems", "kinds", "listed")
    return CaseOutcome(**{**content, **{name: tuple(content[name]) for name in lists}})


def wrongly_blamed(outcomes: Iterable[CaseOutcome]) -> list[CaseOutcome]:
    """Those of which somebody else was blamed."""
    return [outcome for outcome in outcomes if any("was blamed" in problem for problem in outcome.problems)]
