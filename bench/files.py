"""Reads the files people write (stations, packs) and answers a mistake with one useful sentence.

The sentence names the file, the line, the key, what was found, what is allowed and the nearest valid name. Files are
data: `yaml.safe_load` semantics only, unknown keys refused.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from bench.verdicts import InputError
from instruments.wording import near, nearest, with_article
from instruments.yesno import NO_NUMBER, taken_for_a_number
from models import yamltext

Model = TypeVar("Model", bound=BaseModel)

ENDINGS = (".yaml", ".yml")
LARGEST_FILE = 100_000
"""Bytes; a station or pack file is a page of text, anything larger is the wrong file."""


class FileModel(BaseModel):
    """Base of everything that is read from a file: frozen, finite, and a key nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _a_yes_is_no_number(cls, written: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[info.field_name or ""].annotation
        for where, found in taken_for_a_number(annotation, written):
            raise WrongAt(where, found, NO_NUMBER)
        return written


class WrongAt(ValueError):
    """A validator's complaint about something inside what it was given: where that is, and what was found there."""

    def __init__(self, where: tuple[int | str, ...], found: object, problem: str) -> None:
        super().__init__(problem)
        self.where = where
        self.found = found


def find(name: str, shipped: Path, what: str) -> Path:
    """The file behind a path or a bare name of the shipped ones; raises `InputError` with the nearest name."""
    path = Path(name)
    if path.suffix in ENDINGS:
        if _is_file(path):
            return path
        raise InputError(
            f"{what} file {name}: there is no such file{_neighbour(path)} Give a path, or a shipped name: "
            f"{_shipped_names(shipped)}."
        )
    candidate = shipped / f"{name}.yaml"
    if path.name == name and _is_file(candidate):
        return candidate
    known = [file.stem for file in shipped.glob("*.yaml")]
    if _is_file(path):
        raise InputError(
            f"{what} file {name}: its name must end in .yaml; or give a shipped name ({nearest(name, known)})."
        )
    raise InputError(f"{what} {name!r} is neither a file nor a shipped name; {nearest(name, known)}.")


def load(path: Path, model: type[Model], earlier: Mapping[int, type[Model]] = MappingProxyType({})) -> Model:
    """Read `path` as `model`, or where its `schema` is an earlier one as the model of that.

    Every way it can be wrong is an `InputError` of one sentence.
    """
    node, data = _parse(path)
    if not isinstance(data, dict):
        found = "nothing" if data is None else with_article(type(data).__name__)
        raise InputError(f"{path}: expected keys and values at the top level, found {found}.")
    model = next((old for version, old in earlier.items() if data.get("schema") == version), model)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(_sentence(path, node, model, error)) from error


def place(path: Path, *keys: str) -> str:
    """Where in a file that was read already something stands, as far as it has these keys: a sentence's beginning."""
    node, line, there = _parse(path)[0], 1, list[str]()
    for key in keys:
        child = _child(node, key)
        if child is None:
            break
        line, node = child
        there.append(key)
    return f"{path}, line {line}, key {'.'.join(there)}"


def _parse(path: Path) -> tuple[yaml.Node | None, Any]:
    """The tree of a file, for its line numbers, and what it says."""
    text = _read(path)
    try:
        return yamltext.parsed(text)
    except yamltext.RefusedError as error:
        raise InputError(error.of(str(path))) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML{_where(error)}.") from error


def fingerprint(path: Path) -> str:
    """SHA-256 of the file's bytes, as hexadecimal text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system takes
        return False


def _neighbour(path: Path) -> str:
    """How the sentence about a file that is not there ends: with one beside it that may be meant, if there is one."""
    try:
        there = [file.name for file in path.parent.iterdir() if file.suffix in ENDINGS and file.is_file()]
    except OSError:
        return "."
    close = near(path.name, there)
    return f"; did you mean {str(path.with_name(close))!r}?" if close else "."


def _shipped_names(folder: Path) -> str:
    return ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise InputError(f"{path}: too large for a bench file (at most {LARGEST_FILE} bytes).")
        return raw.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8.") from error


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
    return f", line {mark.line + 1}: {problem}" if mark is not None else f": {problem}"


def _sentence(path: Path, node: yaml.Node | None, model: type[BaseModel], error: ValidationError) -> str:
    """The first problem in full; the count of the others."""
    problems = error.errors()
    # An unknown key is usually the cause of the missing one beside it: show it first.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    location, found = first["loc"], first["input"]
    complaint = first.get("ctx", {}).get("error")
    if isinstance(complaint, WrongAt):
        location, found = (*location, *complaint.where), complaint.found
    key = ".".join(str(part) for part in location) or "the file"
    more = f" ({len(problems) - 1} more after this one.)" if len(problems) > 1 else ""
    where, what = f"line {_line(node, location)}, key {key}", _problem(first, found, model)
    # A key or a value may hold line breaks; the sentence may not.
    return f"{path}, {' '.join(f'{where}: {what}.{more}'.split())}"


def _problem(problem: ErrorDetails, found: object, model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden":
        return f"unknown key; {nearest(str(problem['loc'][-1]), _keys_at(model, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return "this key is required and missing"
    if problem["type"] == "literal_error":
        allowed = [part.strip(" '") for part in problem["ctx"]["expected"].replace(" or ", ",").split(",")]
        return f"found {_short(found)}; {nearest(str(found)[:60], allowed)}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"found {_short(found)}, {message[0].lower()}{message[1:]}".rstrip(".")


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer that Python refuses to write in decimal
        return "a number of more than 4300 digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields allowed at `location` inside `model`."""
    here: type[BaseModel] = model
    for part in location:
        field = here.model_fields.get(str(part))
        inner = _inner_model(field.annotation) if field is not None else None
        # A dictionary's key or a list's index stays at the model found on the way in.
        here = inner or here
    return [field.alias or name for name, field in here.model_fields.items()]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner_model(argument)
        if inner is not None:
            return inner
    return None


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Line of the deepest part of `location` that the file has."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        child = _child(node, part)
        if child is None:
            break
        line, node = child
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
