"""Messages of OCPP-J 2.1: what is a call, what answers it, and what is none of them.

Schemas and the names of actions are those of the package ocpp; its own dispatcher is not used, as it leaves a call that
it does not know unanswered in 2.1. Source: OCPP 2.1 edition 1, part 4 (JSON over WebSockets), 4.2 and 4.3.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from jsonschema.exceptions import ValidationError
from ocpp.messages import get_validator
from ocpp.v21.enums import Action

from bench.plain import plain

CALL, RESULT, ERROR, RESULT_ERROR, SEND = 2, 3, 4, 5, 6
VERSION = "2.1"
SUBPROTOCOL = "ocpp2.1"
NO_ID = "-1"
"""The id of an answer to what has none that could be read."""
LONGEST_ID = 36
KNOWN = frozenset(str(each.value) for each in Action)

Payload = Mapping[str, Any]
Handler = Callable[[str, Payload], Payload]
"""Answers an action with its payload; raises `Refused`."""
_CODES: Mapping[str, str] = {
    "type": "TypeConstraintViolation", "maxLength": "TypeConstraintViolation", "required": "ProtocolError",
    "enum": "PropertyConstraintViolation", "minimum": "PropertyConstraintViolation",
    "maximum": "PropertyConstraintViolation", "minItems": "OccurrenceConstraintViolation",
    "maxItems": "OccurrenceConstraintViolation",
}  # fmt: skip


class Refused(Exception):
    """A call is answered with an error: its code, and one sentence."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(code, why)
        self.code, self.why = code, why


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call of ours: its `payload`, or the `code` and the words (`error`) of what answered it."""

    number: str
    payload: Payload
    error: str = ""
    code: str = "GenericError"


def parsed(text: str | bytes) -> Any:
    """JSON; raises `Refused` for what is none, also for NaN and infinity, which JSON has not."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused("RpcFrameworkError", "this is no JSON in UTF-8.") from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def valid(kind: int, action: str, payload: object) -> Payload:
    """A payload that its schema has found good; raises `Refused`, as OCPP names what is wrong with it."""
    if not isinstance(payload, Mapping):
        raise Refused("FormatViolation", "a payload is an object.")
    try:
        get_validator(kind, action, VERSION).validate(payload)
    except ValidationError as error:
        code = _CODES.get(str(error.validator), "FormatViolation")
        where = ".".join(map(str, error.absolute_path)) or action
        raise Refused(code, f"{where}: {error.message[:120]}") from error
    except RecursionError as error:
        raise Refused("FormatViolation", "a payload is not as deep as that.") from error
    return payload


def call(number: str, action: str, payload: Payload) -> str:
    """A call of ours; raises `Refused` where it would be none of the protocol's."""
    return _text([CALL, number, action, valid(CALL, action, payload)])


def received(text: str | bytes, handler: Handler, admits: Callable[[], bool] = lambda: True) -> Result | str | None:
    """What to make of a message: what answers a call of ours, the text that answers theirs, or None for silence.

    A call of theirs that nobody `admits` is answered as an error and looked at no further.
    """
    number = NO_ID
    try:
        message = parsed(text)
        number = _number(message)
        if message[0] in {RESULT, ERROR}:
            return _result(message)
        if message[0] in {RESULT_ERROR, SEND}:
            return None
        if message[0] != CALL:
            raise Refused("MessageTypeNotSupported", f"{str(message[0])[:20]} is no type of a message.")
        if not admits():
            raise Refused("GenericError", "the station is busy: call it again when it has answered.")
        return _text([RESULT, number, _answered(message, handler)])
    except Refused as refused:
        return _text([ERROR, number, refused.code, refused.why[:255], {}])


def _number(message: object) -> str:
    if not isinstance(message, list) or len(message) < 3 or isinstance(message[0], bool | float):
        raise Refused("RpcFrameworkError", "a message is an array of its type, its id and what belongs to them.")
    number = message[1]
    if not isinstance(number, str) or not 0 < len(number) <= LONGEST_ID or not isinstance(message[0], int):
        raise Refused("RpcFrameworkError", f"an id is a text of 1 to {LONGEST_ID} characters.")
    return number


def _result(message: list[Any]) -> Result:
    if message[0] == ERROR:
        code, words = (plain(str(each))[:80] for each in (message[2], message[3] if len(message) > 3 else ""))
        return Result(message[1], {}, f"{code or 'an error without a code'} {words}".strip(), code or "GenericError")
    payload = message[2] if isinstance(message[2], Mapping) else {}
    return Result(message[1], payload, "" if isinstance(message[2], Mapping) else "no object")


def _answered(message: list[Any], handler: Handler) -> Payload:
    if len(message) != 4 or not isinstance(message[2], str):
        raise Refused("RpcFrameworkError", "a call has a type, an id, an action and a payload.")
    action = message[2]
    if action not in KNOWN:
        raise Refused("NotImplemented", f"{action[:40]} is no action of OCPP {VERSION}.")
    payload = valid(CALL, action, message[3])
    try:
        return valid(RESULT, action, handler(action, payload))
    except Refused:
        raise
    except Exception as error:
        raise Refused("InternalError", "the station could not do it.") from error


def _text(message: list[Any]) -> str:
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
