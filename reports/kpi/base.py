"""What a KPI is: a function of a recording that says of itself what it is called, means and needs.

```python
@kpi.of_step("insulation {at:g} V", symbol="R_iso", unit="Ω/V", sense="at_least", columns=("Bms Insulation / Ohm",))
def ohms_per_volt(run, step, at=500.0):
    \"\"\"Lowest insulation resistance in the step over {at:g} V (ISO 6469-3).\"\"\"
    return float(run.values("Bms Insulation / Ohm", step).min()) / at
```

The function returns the value, in `unit`; `nan` where the recording has no answer. Its docstring is the definition that
stands beside every figure. It and the names are templates, see `reports.kpi.wording`: their words are the arguments of
the call, `step` (its name), and what the function returns as an `Explained`.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import isfinite, nan
from numbers import Real
from typing import Any, Concatenate, Generic, Literal, ParamSpec, get_args

from bench.verdicts import InputError, Subject, TestError
from reports.kpi import wording
from reports.kpi.meters import meters_of
from reports.kpi.needs import Means, Need
from reports.recording import Recording, Step

StepRef = Step | str | int
"""A step of the recording, its name, or its index (from 1)."""
Sense = Literal["at_least", "at_most", "within"]
"""On which side of its limit a KPI is good; `within` means from minus the limit to plus it."""
SET_TEMPERATURE = "Set Temperature / degC"
ANY = (0.0, float("inf"))
"""Limits that a KPI may be required to keep, where it does not say so itself."""

P = ParamSpec("P")
Q = ParamSpec("Q")


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure: value in `unit` (SI, ratios in %), its step, and the definition that was applied.

    `key` is what a pack file requires it by and `sense` on which side of that limit it is good. `meters` are the roles
    of what measured it, or an instrument's name where it is a channel of that one. `temperature` is what the chamber
    was set to at the end of the step, degC; None where it was set to nothing.
    """

    name: str
    symbol: str
    value: float
    unit: str
    step: str
    definition: str
    key: str
    sense: Sense
    meters: tuple[str, ...] = ()
    temperature: float | None = None
    asked: "Asked | None" = field(default=None, repr=False, compare=False)
    """What it was computed from, so that it can be computed again; None of one that was read from a manifest."""
    unmeasurable: str = ""
    """Why this bench, or this recording, cannot show it, and what could; its value is nan then."""
    subject: Subject = "pack"
    """Whose figure it is: who has failed where it is beyond its limit."""

    def __float__(self) -> float:
        return self.value

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        stored = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _OF_ONE_SESSION}
        if self.subject == "pack":
            del stored["subject"]
        return stored | {"meters": list(self.meters)}


_OF_ONE_SESSION = frozenset({"asked", "unmeasurable"})
"""Fields that a manifest has not: what is kept there has a value."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a figure was computed: from which columns of a recording, of which steps, and by what."""

    run: Recording
    steps: tuple[Step, ...]
    columns: tuple[str, ...]
    function: Callable[..., "Value"]
    arguments: Mapping[str, Any]
    span: tuple[float, float]
    """What a value may lie between."""
    others: tuple[Step, ...]
    """Steps that it was computed from as well, though nobody named them."""
    counts: bool
    """What nothing moves is exact then: a number of events has no rows that it could be off by."""
    assumed: Mapping[str, float] = field(default_factory=dict)
    """What else than meters it rests on; see `Explained`."""

    @property
    def read(self) -> tuple[Step, ...]:
        """All steps that it was computed from."""
        return (*self.steps, *self.others)

    def again(self, run: Recording) -> float:
        """The value, computed from another recording of the same steps."""
        steps = iter([run.step(step.index) for step in self.steps])
        given = {name: next(steps) if isinstance(each, Step) else each for name, each in self.arguments.items()}
        found = self.function(run, **given)
        return float(found.value if isinstance(found, Explained) else found)


class Explained:
    """A value with further words for the templates of its KPI: `Explained(95.0, rated=2.0)`.

    `assumed` is what else than meters it rests on, each with by how much that may move it, either way, with about 95 %.
    """

    def __init__(self, value: float, assumed: Mapping[str, float] | None = None, /, **words: object) -> None:
        self.value, self.assumed, self.words = value, assumed or {}, words
        self.unmeasurable = ""

    @classmethod
    def nothing(cls, why: str, /, **words: object) -> "Explained":
        """No value, though nothing of the pack's is missing: `why` this recording cannot show one, and what could."""
        found = cls(nan, **words)
        found.unmeasurable = why
        return found


class Unseen(Explained):
    """No value, for what a figure is of did not happen in its step; `why` says so, and stands beside it.

    It is neither good nor bad: whoever requires it has not judged it. What happened and never came to its end is `nan`
    instead, which no limit accepts.
    """

    def __init__(self, why: str, /, **words: object) -> None:
        super().__init__(nan, **words)
        self.why = why


Value = float | Explained
Applies = Callable[[Recording, Step], bool]
Others = Callable[[Recording, Step], Iterable[Step]]


def on_request(_run: Recording, _step: Step) -> bool:
    """No step by itself: the KPI is computed where a test asks for it."""
    return False


def nobody_else(_run: Recording, _step: Step) -> tuple[Step, ...]:
    """No step but the one that is asked for."""
    return ()


def every_step(_run: Recording, _step: Step) -> bool:
    """Any step that has its columns."""
    return True


@dataclass(frozen=True, kw_only=True, eq=False)
class KpiFunction(Generic[Q]):
    """A registered KPI: call it with a recording and its step, or its two steps, for a `Kpi`.

    `columns` are what it reads and cannot do without, `also` what it reads where it was measured; from both follow its
    meters. `span` is what a limit may lie between, in `unit`: a limit outside is of another unit. `specimen` is the
    share by which a figure may be worse than that of the specimen's own accepted run; None: not held against that.
    `needs` are what a bench must have to show it (`reports.kpi.needs`). `others` are the steps that it reads beside the
    one that it is asked for. `subject` is whose figure it is: who has failed where it is beyond its limit. One that
    `counts` is a whole number, and exact where no meter moves it.
    """

    function: Callable[..., Value]
    steps: int
    key: str
    name: str
    symbol: str
    unit: str
    sense: Sense
    columns: tuple[str, ...]
    applies: Applies
    span: tuple[float, float]
    also: tuple[str, ...] = ()
    specimen: float | None = None
    needs: tuple[Need, ...] = ()
    others: Others = nobody_else
    subject: Subject = "pack"
    counts: bool = False
    definition: str = field(init=False)
    __name__: str = field(init=False)

    def __post_init__(self) -> None:
        definition = " ".join((self.function.__doc__ or "").split())
        known = {name: getattr(self.function, name) for name in ("__module__", "__name__", "__qualname__")}
        # Frozen for everybody else; that it looks like its function is how tests and help() know it.
        self.__dict__.update(known, __doc__=f"{definition} Unit: {self.unit}.", definition=definition)
        self._refuse_what_is_incomplete()

    def _refuse_what_is_incomplete(self) -> None:
        if not self.definition:
            raise InputError(f"{self}: it has no docstring, which is the definition that stands beside its figures.")
        if self.sense not in get_args(Sense):
            raise InputError(f"{self}: a sense of {self.sense!r} is none; allowed: {', '.join(get_args(Sense))}.")
        if self.subject not in get_args(Subject):
            raise InputError(f"{self}: {self.subject!r} is not under test; allowed: {', '.join(get_args(Subject))}.")
        try:
            self.examples()
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{self}: its key cannot be filled with the defaults of its arguments: {error}."
            ) from error

    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> Kpi:
        """The figure. Raises `RecordingError` for what the run does not have, `TestError` where the function fails."""
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        names = list(bound.arguments)
        run: Recording = bound.arguments[names[0]]
        run.refuse_withheld(self.columns)
        steps = [run.step(bound.arguments[name]) for name in names[1 : 1 + self.steps]]
        bound.arguments.update(zip(names[1:], steps, strict=False))
        words = {name: bound.arguments[name] for name in names[1 + self.steps :]} | {"step": steps[0].name}
        why = self._why_not(run, steps[0], words)
        try:
            found = Explained(nan) if why else self.function(*bound.args, **bound.kwargs)
            asked = Asked(
                run,
                tuple(steps),
                self._read,
                self.function,
                dict(list(bound.arguments.items())[1:]),
                self.span,
                tuple(self.others(run, steps[0])),
                self.counts,
            )
            figure = self._figure(asked, words, found)
            why = why or (found.unmeasurable if isinstance(found, Explained) else "")
            return replace(figure, unmeasurable=why) if why else figure
        except (InputError, TestError):  # sentences already; a recording's own is an InputError
            raise
        except Exception as error:
            if self.applies is not on_request and not self.applies(run, steps[0]):
                raise TestError(self._not_of(run, steps[0])) from error
            text = " ".join(f"{type(error).__name__}: {error}".split())
            raise TestError(f"{self}, step {steps[0].name!r}: {text}") from error

    def __str__(self) -> str:
        return f"KPI {self.key!r} ({self.function.__module__}:{self.function.__qualname__})"

    def named(self, key: str) -> bool:
        """Whether a figure of this KPI can have that key."""
        return wording.pattern_of(self.key).fullmatch(key) is not None

    def examples(self) -> list[str]:
        """Keys that its figures have when it is called with nothing but a recording and steps."""
        parameters = list(inspect.signature(self.function).parameters.values())[1 + self.steps :]
        words = {each.name: each.default for each in parameters if each.default is not each.empty}
        return list(wording.examples_of(self.key, words))

    def _not_of(self, run: Recording, step: Step) -> str:
        """That it is none of a step's figures, and which steps of the run have one."""
        meant = [repr(each.name) for each in run.steps if self.applies(run, each)]
        there = f"of this run it can be asked of {', '.join(meant)}" if meant else "no step of this run has one"
        return f"KPI {self.key!r} is no figure of step {step.name!r}, which is a {step.kind}; {there}."

    def _why_not(self, run: Recording, step: Step, words: Mapping[str, object]) -> str:
        measuring = meters_of(run.manifest, self.columns) if self.needs else ()
        return self.missing(Means.of(run, step, measuring), words) if self.needs else ""

    def missing(self, means: Means, words: Mapping[str, object]) -> str:
        """Why a bench with these means cannot show it, asked with these words; empty: it can."""
        return next((why for need in self.needs if (why := need(means, words))), "")

    def asked_by(self, key: str) -> dict[str, float]:
        """The words that a key was made with: `at` is 2 in `dc resistance 2 s`."""
        return wording.numbers_in(self.key, key)

    def can_be_asked(self, present: Callable[[str], bool], run: Recording, *steps: Step) -> bool:
        """Whether it applies to these steps of a recording that has the columns which are `present`."""
        return all(map(present, self.columns)) and self.applies(run, steps[0])

    @property
    def _read(self) -> tuple[str, ...]:
        """The columns that it may read."""
        return (*self.columns, *self.also)

    def _figure(self, asked: Asked, words: Mapping[str, object], found: object) -> Kpi:
        run, step = asked.run, asked.steps[0]
        answer = found if isinstance(found, Explained) else Explained(_number(found))
        if self.counts and isfinite(answer.value) and answer.value % 1:
            raise TypeError(f"it counts, and returned {answer.value:g}, which is no whole number")
        words = {**words, **answer.words}
        key, name, symbol, definition = (
            wording.fill(template, words) for template in (self.key, self.name, self.symbol, self.definition)
        )
        return Kpi(
            name, symbol, _number(answer.value), self.unit, step.name, definition, key, self.sense,
            meters_of(run.manifest, self._read), _set_temperature(run, step), replace(asked, assumed=answer.assumed),
            unmeasurable=answer.why if isinstance(answer, Unseen) else "", subject=self.subject,
        )  # fmt: skip


Registered = KpiFunction[...]


def of_step(  # noqa: PLR0913 - each is a property of the KPI
    key: str, *, symbol: str, unit: str, sense: Sense, columns: Sequence[str], also: Sequence[str] = (),
    applies: Applies = every_step, name: str = "", span: tuple[float, float] = ANY, specimen: float | None = None,
    needs: Sequence[Need] = (), others: Others = nobody_else, subject: Subject = "pack", counts: bool = False,
) -> Callable[
    [Callable[Concatenate[Recording, Step, P], Value]], KpiFunction[Concatenate[Recording, StepRef, P]]
]:  # fmt: skip
    """Register a KPI of one step, a function of recording and step. `name` is what its figures are called, else `key`.

    Raises `InputError` for a function without a docstring.
    """

    def registered(
        function: Callable[Concatenate[Recording, Step, P], Value],
    ) -> KpiFunction[Concatenate[Recording, StepRef, P]]:
        return KpiFunction(
            function=function, steps=1, key=key, name=name or key, symbol=symbol, unit=unit, sense=sense,
            columns=_names(columns), also=_names(also), applies=applies, span=span, specimen=specimen,
            needs=tuple(needs), others=others, subject=subject, counts=counts,
        )  # fmt: skip

    return registered


def of_cycle(  # noqa: PLR0913 - each is a property of the KPI
    key: str, *, symbol: str, unit: str, sense: Sense, columns: Sequence[str], span: tuple[float, float] = ANY,
    specimen: float | None = None, also: Sequence[str] = (), subject: Subject = "pack",
) -> Callable[
    [Callable[Concatenate[Recording, Step, Step, P], Value]], KpiFunction[Concatenate[Recording, StepRef, StepRef, P]]
]:  # fmt: skip
    """Register a KPI of a closed cycle, a function of recording, discharge and charge.

    Raises `InputError` for a function without a docstring.
    """

    def registered(
        function: Callable[Concatenate[Recording, Step, Step, P], Value],
    ) -> KpiFunction[Concatenate[Recording, StepRef, StepRef, P]]:
        return KpiFunction(
            function=function, steps=2, key=key, name=key, symbol=symbol, unit=unit, sense=sense,
            columns=_names(columns), also=_names(also), applies=every_step, span=span, specimen=specimen,
            subject=subject,
        )  # fmt: skip

    return registered


def _names(columns: Sequence[str]) -> tuple[str, ...]:
    """One column may be given by itself: its letters are not meant."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _number(found: object) -> float:
    """What a function returned, as a float; raises `TypeError` for anything that is no number."""
    if isinstance(found, Real) and not isinstance(found, bool):
        return float(found)
    raise TypeError(f"it returned {found!r:.60}, which is no number")


def _set_temperature(run: Recording, step: Step) -> float | None:
    if SET_TEMPERATURE not in run.columns or not step.sample_count:
        return None
    asked = run.at(SET_TEMPERATURE, step.rows.stop - 1)
    return asked if isfinite(asked) else None
