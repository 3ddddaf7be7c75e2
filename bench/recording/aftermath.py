"""How a run left its bench, as its folder tells: verified safe, reported, not verified, and at which instruments.

It reads what the safe state, or the supervisor after it, has written; it looks at no instrument.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import roles
from bench.recording.life import is_alive
from bench.safety.benchverdict import LOST, SAFE_STATE, BenchVerdict
from bench.safety.supervisor import REPORT

VERIFIED, REPORTED, NOT_VERIFIED = "verified", "reported", "not verified"
GONE = "gone"
"""A virtual bench whose process died: its simulators ended with it."""
UNSAFE = "NOT VERIFIED SAFE"
"""How the sentence about a bench begins that somebody has to switch off by hand."""
NOBODY_LOOKED = (
    f"{UNSAFE} (the process of its run died, and nobody has read an output back since). "
    "Switch the bench off by hand and look at it before anyone touches it."
)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """`state` is empty where no bench was open, or a run is going on; `told` is a sentence where it is not safe."""

    state: str = ""
    told: str = ""
    instruments: tuple[str, ...] = ()
    """Names in the station file of what somebody has to look at."""

    @property
    def unsafe(self) -> bool:
        """Whether somebody has to switch the bench off by hand."""
        return self.state == NOT_VERIFIED


def state_of(bench_verdict: Mapping[str, Any] | None, manifest: Mapping[str, Any]) -> str:
    """The state of a bench verdict as recorded, also of one that was recorded before states were; empty for none.

    One without any step is that of a bench that has none, as the order in its manifest says, or its steps were lost.
    """
    if bench_verdict is None:
        return ""
    if not bench_verdict["steps"]:
        return VERIFIED if (manifest.get("safe_state") or {}).get("order") == [] else NOT_VERIFIED
    if "state" in bench_verdict:
        return str(bench_verdict["state"])
    verified = [step["verified"] for step in bench_verdict["steps"]]
    if False in verified:
        return NOT_VERIFIED
    return REPORTED if None in verified else VERIFIED


def aftermath(manifest: Mapping[str, Any], folder: Path) -> Aftermath:
    """What is known of the bench after the run in `folder`; raises `KeyError` or `TypeError` for no manifest."""
    if manifest["state"] == "ended":
        return left_by(manifest.get("bench_verdict"), manifest)
    rescued = _rescue(folder)
    if rescued is not None:
        return left_by(rescued, manifest)
    if is_alive(folder):
        return Aftermath()
    if manifest["clock"]["kind"] == "virtual":
        return Aftermath(GONE)
    names = tuple(entry["name"] for entry in manifest["instruments"])
    return Aftermath(NOT_VERIFIED, NOBODY_LOOKED, names)


def left_by(bench_verdict: Mapping[str, Any] | None, manifest: Mapping[str, Any]) -> Aftermath:
    """What a bench verdict says about the bench of a run; `manifest` knows its instruments."""
    state = state_of(bench_verdict, manifest)
    if bench_verdict is None or state != NOT_VERIFIED:
        return Aftermath(state)
    names = tuple(_concerned(bench_verdict, manifest))
    look = f" Look first at: {', '.join(names)}." if names else ""
    return Aftermath(state, f"{BenchVerdict.from_dict(bench_verdict)}{look}", names)


def _concerned(bench_verdict: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    played = {role for entry in manifest["instruments"] for role in entry["roles"]}
    to_look_at = _to_look_at(played)
    found = {
        role
        for step in bench_verdict["steps"] or BenchVerdict.unknown(LOST).as_dict()["steps"]
        if step["verified"] is False
        for role in to_look_at.get(step["name"], ())
    }  # fmt: skip
    for entry in manifest["instruments"]:
        if found.intersection(entry["roles"]):
            yield str(entry["name"])


def _to_look_at(played: Iterable[str]) -> Mapping[str, set[str]]:
    """The roles that each step of the safe state is about; a role that nobody brings any more has none."""
    found: dict[str, set[str]] = {SAFE_STATE: set()}
    for name in played:
        with suppress(roles.RoleError):
            for step in roles.role(name).steps:
                found.setdefault(step.name, set()).update(step.look_at or (name,))
                found[SAFE_STATE].add(name)
    return found


def _rescue(folder: Path) -> Mapping[str, Any] | None:
    """What the supervisor has read back after the test had died; None while it has not, or where there is none."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        if report["state"] != "done":
            return None
        found: Mapping[str, Any] = report["bench_verdict"]
        BenchVerdict.from_dict(found)  # of what is none nobody can say that it was verified
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found
