"""Asks the person at the bench: a step that goes on when somebody has answered, in the terminal or on the live page.

The question is an event of the run and the answer a file beside it, so that whoever shows the one may write the other.
On a virtual clock nobody is there and everything is done at once: a virtual operator answers with the first answer.
"""

import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.pack import PackFile
from bench.scenario import Step, Until
from bench.user import user

DONE = "done"
NOBODY = "no-operator"
"""Id in the fault catalogue."""
ASKED, ANSWERED = "operator asked", "operator answered"
"""Events of a run."""
UNATTENDED = (
    "it asks a person, and this session has none: start it from a terminal, or say --attended where somebody is before "
    "the live page; a page alone is nobody."
)
_LONGEST = 200
"""Characters of an answer, or of a name, that are kept."""


@dataclass(frozen=True)
class AskOperator(Step):
    """Outputs off until the operator has answered `text` with one of `answers`; their first one is the usual one.

    `photo` is a picture that shows what is meant. Within `patience` s (of the bench) somebody has to answer: else the
    test is aborted, and neither pack nor bench is to blame.
    """

    text: str
    photo: str | None = None
    patience: float = 900.0
    answers: Sequence[str] = (DONE,)
    name: str = field(default="operator", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`: none of what is measured ends it."""
        return ()

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`: a person needs a minute."""
        return min(60.0, self.patience)

    def foreseen_duration(self, pack: PackFile) -> float | None:
        """See `Step.foreseen_duration`: nobody knows where a person is."""
        return None


def ask_operator(
    text: str, *, photo: str | None = None, timeout: float = 900.0, answers: Sequence[str] = (DONE,)
) -> AskOperator:
    """The step that asks the person at the bench; `timeout` (s of the bench) is how long somebody may take."""
    return AskOperator(text, photo, timeout, answers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered, who it was, and where: "terminal", "page" or "virtual bench"."""

    answer: str
    who: str
    way: str


def read_answer(folder: Path, step: int) -> Answer | None:
    """The answer to a step's question; None while there is none that can be read."""
    try:
        kept = json.loads(_file(folder, step).read_text(encoding="utf-8"))
        return Answer(str(kept["answer"]), str(kept["who"]), str(kept["way"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_answer(folder: Path, step: int, answer: Answer) -> None:
    """Answer a step's question: whole or not at all, and the first one counts. Raises OSError where it cannot be."""
    kept = {"answer": answer.answer[:_LONGEST], "who": answer.who[:_LONGEST], "way": answer.way}
    new = _file(folder, step).with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    new.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    try:
        os.link(new, _file(folder, step))
    except FileExistsError:
        pass
    finally:
        new.unlink(missing_ok=True)


def _file(folder: Path, step: int) -> Path:
    return folder / f"answer-{step}.json"


# --- who can be asked -------------------------------------------------------------------------------------------------


class Desk:
    """Where a person can be asked in this session; nowhere, until somebody says so."""

    def __init__(self) -> None:
        self.ways: list[Callable[[Path, int, AskOperator], None]] = []
        """Each shows a question, and returns at once."""
        self.promised = False
        """Whether whoever started the session has said that somebody is there: a page finds questions by itself."""

    @property
    def attended(self) -> bool:
        """Whether anybody could answer."""
        return self.promised or bool(self.ways)


DESK = Desk()
"""That of this process: a session has one person before it."""


class Terminal:
    """Asks in the terminal that the session was started from, whatever pytest does with its output.

    Lines are read by a thread of their own: the bench goes on looking meanwhile. Raises OSError where there is none.
    """

    def __init__(self, path: str = "/dev/tty") -> None:
        self._terminal = Path(path).open("r+b", buffering=0)  # noqa: SIM115 - as long as the session
        self._asked: tuple[Path, int, AskOperator] | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def __call__(self, folder: Path, step: int, question: AskOperator) -> None:
        """Show a question; the next line that is one of its answers answers it."""
        self._asked = (folder, step, question)
        photo = f" (see {question.photo})" if question.photo else ""
        self._say(f"\n>>> {question.text}{photo}\n>>> {_choice(question)}: ")

    def _read(self) -> None:
        with suppress(OSError, ValueError), self._terminal:
            while line := self._terminal.readline():
                self._answered(line.decode(errors="replace").strip())

    def _answered(self, line: str) -> None:
        if self._asked is None:
            return
        folder, step, question = self._asked
        meant = question.answers[0] if not line else next((each for each in question.answers if each == line), None)
        if meant is None:
            self._say(f">>> {line!r} is none of them. {_choice(question)}: ")
            return
        self._asked = None
        with suppress(OSError):
            write_answer(folder, step, Answer(meant, user(), "terminal"))

    def _say(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._terminal.write(text.encode())


def _choice(question: AskOperator) -> str:
    others = " or ".join(question.answers[1:])
    return f"Enter for {question.answers[0]!r}{f', or type {others}' if others else ''}"
