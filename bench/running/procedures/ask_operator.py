"""Waits for a person, outputs off, and keeps looking at everything else meanwhile."""

import shutil
from collections.abc import Container, Iterable
from math import isfinite
from pathlib import Path

from bench import columns
from bench.asking import ANSWERED, ASKED, DESK, NOBODY, UNATTENDED, Answer, AskOperator, read_answer
from bench.columns import INDEX
from bench.running.declared import Place
from bench.running.procedures.base import Control, Procedure, Stage
from bench.running.sampling import Row
from bench.verdicts import Aborted

_TIME = INDEX[columns.TEST_TIME]
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


class AskOperatorProcedure(Procedure[AskOperator]):
    """Shows the question, and ends with the answer."""

    kind = AskOperator
    may_pause = False
    resumable = False

    def __init__(self, step: AskOperator, place: Place) -> None:
        super().__init__(step, place)
        self._answer: Answer | None = None

    @property
    def _is_virtual(self) -> bool:
        return self.place.station.clock == "virtual"

    def problems(self) -> Iterable[str]:
        """See `Procedure`: a question that nobody could answer, or nobody could understand."""
        step = self.step
        if not (self._is_virtual or DESK.attended):
            yield UNATTENDED
        if not step.text.strip():
            yield "it asks nothing: write what is to be done."
        if not step.answers or not all(str(each).strip() for each in step.answers):
            yield "it has no answers: name one at least."
        if not (isfinite(step.patience) and step.patience > 0):
            yield f"its patience is {step.patience!r} s: give it some."
        if step.photo is not None and not (Path(step.photo).is_file() and _is_a_picture(step.photo)):
            yield f"its photo {step.photo} is no picture that is there ({', '.join(PICTURES)})."

    def words(self) -> dict[str, str]:
        """See `Procedure`."""
        return {"asked": self.step.text}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`: the question is asked, and looked for an answer with every scan."""
        step, folder, number = self.step, stage.log.folder, stage.sampler.step_index
        photo = _kept(folder, number, step.photo)
        stage.log.event(ASKED, step=number, text=step.text, photo=photo, answers=list(step.answers))
        for ask in () if self._is_virtual else DESK.ways:
            ask(folder, number, step)

        def control(_row: Row, _time: float) -> None:
            if self._answer is None:
                virtual = Answer(step.answers[0], "virtual operator", "virtual bench") if self._is_virtual else None
                self._answer = virtual or read_answer(folder, number)

        return control

    def ending(self, start: float, at_least: float = 0.0) -> "Answered":
        """See `Procedure`."""
        return Answered(self, start)

    @property
    def answer(self) -> Answer | None:
        """What was answered."""
        return self._answer

    def ended(self, stage: Stage) -> None:
        """See `Procedure`."""
        if self._answer is not None:
            found = self._answer
            stage.log.event(
                ANSWERED, step=stage.sampler.step_index, answer=found.answer, who=found.who, way=found.way,
                text=f"{found.who} ({found.way}): {found.answer}",
            )  # fmt: skip

    def until(self) -> list[str]:
        """See `Procedure`."""
        return [f"the operator says {' or '.join(map(repr, self.step.answers))}"]


class Answered:
    """Somebody has answered, within the patience of the question; see `Ending`."""

    def __init__(self, procedure: AskOperatorProcedure, start: float) -> None:
        self._procedure, self._latest = procedure, start + procedure.step.patience

    def reached(self, row: Row, distrusted: Container[str] = ()) -> str | None:
        """See `Ending`; raises `Aborted` where nobody has answered."""
        found, step = self._procedure.answer, self._procedure.step
        if found is not None:
            return f"{found.who} said {found.answer!r}"
        if row[_TIME] > self._latest:
            raise Aborted(f"Nobody has answered {step.text!r} within {step.patience:g} s.", NOBODY)
        return None

    def postpone(self, seconds: float) -> None:
        """See `Ending`."""
        self._latest += seconds


def _is_a_picture(name: str) -> bool:
    return Path(name).suffix.lower() in PICTURES


def _kept(folder: Path, number: int, photo: str | None) -> str | None:
    """The picture goes with the run: its name there."""
    if photo is None:
        return None
    name = f"question-{number}{Path(photo).suffix.lower()}"
    shutil.copyfile(photo, folder / name)
    return name
