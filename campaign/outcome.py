"""What came of one injected fault, and whether that is what the campaign expects.

Two things are never forgiven, whatever is expected: an output that is on while the bench verdict says off, and an
output that is on without the operator being told.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bench.safety.faults import catalogue
from campaign.catalogue import Injection, Phase

Noticed = Literal["ended", "warned", "told", "no"]

DEAD_CURRENT = 0.1
"""A below which no current flows; a leak inside a cell is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case. Times in s: of the bench on the virtual clock, of the wall for a process."""

    fault: str
    level: str
    words: str
    phase: str
    dangerous: bool
    expected: str
    injected: float | None = None
    noticed: Noticed = "no"
    named: str = ""
    """Id in the bench's fault catalogue."""
    layer: str = ""
    blame: str = ""
    text: str = ""
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
    problems: tuple[str, ...] = field(default=())

    @property
    def undetected(self) -> bool:
        """Whether something should have been noticed and was not; what was never injected has proved nothing."""
        return self.expected != "passes" and (self.noticed == "no" or self.injected is None)

    @property
    def isolated(self) -> bool:
        """Whether an output that is on drives nothing: a contactor is open."""
        return not self.off and self.current is not None and self.current < DEAD_CURRENT

    @property
    def told(self) -> bool:
        """Whether the operator was told that the bench is not safe."""
        return bool(self.bench)


def of(fault: str, injection: Injection, phase: Phase) -> Outcome:
    """The outcome of a case of which nothing is known yet."""
    expected = injection.expectations[phase]
    return Outcome(fault, injection.level, injection.words, phase, injection.dangerous, expected)


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


def words(noticed: Noticed, fault: str, blame: str, text: str) -> dict[str, Any]:
    """Who noticed, in the words of the bench's catalogue."""
    known = catalogue().get(fault)
    return {
        "noticed": noticed,
        "named": fault,
        "layer": known.layer if known else "?",
        "blame": blame,
        "text": text,
    }


def unsafe_words(bench_verdict: Mapping[str, Any] | None) -> str:
    """The steps that could not be verified, in words; nothing when all were."""
    steps = bench_verdict["steps"] if bench_verdict else ()
    return "; ".join(f"{step['name']}: {step['detail']}" for step in steps if step["verified"] is False)


def judged(outcome: Outcome, injection: Injection) -> Outcome:
    """The outcome with everything about it that is not as it should be."""
    return replace(outcome, problems=tuple(_problems(outcome, injection)))


def _problems(outcome: Outcome, injection: Injection) -> Iterator[str]:
    if outcome.injected is None:
        yield f"it was never injected: the run ended before ({outcome.text or outcome.verdict})"
        return
    if not outcome.off and outcome.verified:
        yield "the bench verdict says off, and an output is on"
    if not outcome.off and not outcome.told:
        yield "an output is on and nobody is told"
    yield from _of_the_expectation(outcome, injection)
    if outcome.told and injection.told not in outcome.bench:
        yield f"the operator should read {injection.told!r} and reads {outcome.bench!r}"
    if outcome.told and not injection.told:
        yield f"the bench could not be verified safe, which this fault is no reason for: {outcome.bench}"


def _of_the_expectation(outcome: Outcome, injection: Injection) -> Iterator[str]:
    match outcome.expected, outcome.noticed:
        case "passes", "ended" | "told":
            yield f"it should do no harm, and the run was {outcome.noticed} by {outcome.named}: {outcome.text}"
            return
        case "passes", _:
            return
        case "told", _:
            if not outcome.told:
                yield "the operator should be told, and is not"
            return
        case _, "no":
            yield f"nobody noticed; it should be named {' or '.join(injection.named)}"
            return
        case "ends", "warned":
            yield f"the run should end, and {outcome.named} was only a warning"
        case "warns", "ended" | "told":
            yield f"the run should go on with a warning, and ended: {outcome.text}"
    if outcome.named not in injection.named:
        yield f"it was named {outcome.named} ({outcome.text}), not {' or '.join(injection.named)}"
    if outcome.blame != injection.blame:
        yield f"{outcome.blame} was blamed, not {injection.blame}"


def write(outcome: Outcome, folder: Path) -> None:
    """Keep an outcome in a file of its own: cases run in several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{outcome.level}-{outcome.fault}-{outcome.phase}.json".replace(" ", "-")
    (folder / name).write_text(json.dumps(asdict(outcome), indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> list[Outcome]:
    """Every outcome that was kept."""
    return [_from(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


def _from(content: dict[str, Any]) -> Outcome:
    return Outcome(**{**content, "problems": tuple(content["problems"])})


def wrongly_blamed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those of which somebody else was blamed."""
    return [outcome for outcome in outcomes if any("was blamed" in problem for problem in outcome.problems)]
