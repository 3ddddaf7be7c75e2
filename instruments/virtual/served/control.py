"""What can be said to a served bench while it runs: which defects begin and which end, one JSON line each.

`{"inject": ["silent:supply"]}` and `{"repair": ["silent"]}`, as `World.inject` and `World.repair` take them. The answer
is in the log: `injected`, `repaired`, or `not understood` with one sentence. Whoever may write here owns the bench
anyway: it is the standard input of the process that he has started.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

DONE = {"inject": "injected", "repair": "repaired"}
"""What the log says of a verb that was carried out."""


class ControlConversation:
    """Takes bytes and acts on every line that they complete; `act` is by verb, `log` takes what came of it."""

    def __init__(self, act: Mapping[str, Callable[..., None]], log: Callable[..., None]) -> None:
        self._act, self._log = act, log
        self._unfinished = b""

    def receive(self, data: bytes) -> bytes:
        """See `Conversation.receive`; nothing is ever answered on the line itself."""
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in filter(bytes.strip, lines):
            self._carry_out(line)
        return b""

    def close(self) -> None:
        """Nobody says anything any more; the bench goes on."""

    def _carry_out(self, line: bytes) -> None:
        try:
            verb, defects = self._read(line)
            self._act[verb](*defects)
        except ValueError as error:
            self._log("not understood", text=str(error))
        else:
            self._log(DONE[verb], defects=defects)

    def _read(self, line: bytes) -> tuple[str, list[str]]:
        """A line as verb and defects; raises ValueError, one sentence."""
        wanted = f"write one JSON object with one of {', '.join(DONE)} and a list of defects"
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"a control line is no JSON: {wanted}") from error
        if not isinstance(found, dict) or len(found) != 1 or not found.keys() <= DONE.keys():
            raise ValueError(f"a control line is {line.decode(errors='replace')[:80]!r}: {wanted}")
        ((verb, defects),) = found.items()
        if not isinstance(defects, list) or not all(isinstance(defect, str) for defect in defects):
            raise ValueError(f"the defects of {verb!r} are {defects!r}: {wanted}")
        return verb, defects
