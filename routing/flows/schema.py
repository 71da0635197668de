"""The shape of a flow as JSON Schema (draft 2020-12): one for the whole, one for each node type.

Each value's `description` completes the sentence "… is not valid here: expected …"; they are marked for translation
here and translated when a message is made.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from routing.flows.definition import SCHEMA_VERSION
from routing.flows.hours import WEEKDAYS

Schema = dict[str, Any]

MAX_NODES = 100
MAX_TEXT_LENGTH = 2000
MAX_PRIORITY = 100
HANG_UP_REASONS = ("self_served", "closed", "no_input", "busy", "rejected")

_NODE_NAME = r"^[a-z][a-z0-9_-]{0,39}\Z"
_DAY: Schema = {
    "type": "array",
    "maxItems": 20,
    "description": gettext_noop("a list of at most 20 intervals"),
    "items": {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "description": gettext_noop('an interval of two times such as ["09:00", "17:30"]'),
        "items": {
            "type": "string",
            "pattern": r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z",
            "description": gettext_noop("a time from 00:00 to 24:00, written HH:MM"),
        },
    },
}


def _text(pattern: str, description: str) -> Schema:
    return {"type": "string", "pattern": pattern, "description": description}


def _number(kind: str, minimum: int, maximum: int, description: str) -> Schema:
    return {"type": kind, "minimum": minimum, "maximum": maximum, "description": description}


def _mapping(key_pattern: str, value: Schema, description: str, *, least: int = 1, most: int = 100) -> Schema:
    return {
        "type": "object",
        "minProperties": least,
        "maxProperties": most,
        "patternProperties": {key_pattern: value},
        "additionalProperties": False,
        "description": description,
    }


_TARGET = _text(_NODE_NAME, gettext_noop("the name of a node"))
_KEYS = _mapping(r"^[0-9*#]\Z", _TARGET, gettext_noop("nodes by key; a key is one of 0-9, * and #"))
_DIGITS_NAME = _text(r"^[a-z][a-z0-9_]{0,39}\Z", gettext_noop("a name of a-z, 0-9 and _, at most 40"))
_CODE = _text(r"^[a-z0-9][a-z0-9_-]{0,62}\Z", gettext_noop("a code of a-z, 0-9, - and _, at most 63"))
_LANGUAGE = _text(r"^[a-z]{2,3}(-[a-z0-9]{2,8})*\Z", gettext_noop("a language code such as en or zh-hans"))
_SPOKEN = _mapping(
    r"^[a-z]{2,3}(-[a-z0-9]{2,8})*\Z",
    {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TEXT_LENGTH,
        "pattern": r"\S",
        "description": gettext_noop("a text of 1 to 2000 characters"),
    },
    gettext_noop('texts by language code, such as {"en": "Hello"}'),
    most=20,
)
_PROMPT: Schema = {
    "type": "object",
    "properties": {"text": _SPOKEN, "sound": _CODE},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "description": gettext_noop('either {"text": {…}} or {"sound": "…"}'),
}
_QUESTION: Schema = {
    "prompt": _PROMPT,
    "invalid": _PROMPT,
    "retries": _number("integer", 0, 9, gettext_noop("a whole number from 0 to 9")),
    "timeout_seconds": _number("number", 1, 60, gettext_noop("a number of seconds from 1 to 60")),
    "on_timeout": _TARGET,
    "on_invalid": _TARGET,
}
_DIGIT_COUNT = _number("integer", 1, 32, gettext_noop("a whole number from 1 to 32"))
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"


def _node(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {"type": {}} | required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def _question(required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    must = {name: _QUESTION[name] for name in ("prompt", "on_timeout")}
    may = {name: _QUESTION[name] for name in ("invalid", "retries", "timeout_seconds", "on_invalid")}
    return _node(must | required, may | optional)


_BARGE_IN: Schema = {"type": "boolean", "description": gettext_noop("true or false")}

FLOW: Schema = {
    "type": "object",
    "description": gettext_noop("a JSON object"),
    "properties": {
        "schema": {"const": SCHEMA_VERSION, "description": gettext_noop("the schema version 1")},
        "start": _TARGET,
        "nodes": _mapping(
            _NODE_NAME, {}, gettext_noop("1 to 100 nodes by name (a-z, 0-9, - and _, at most 40)"), most=MAX_NODES
        ),
    },
    "required": ["schema", "start", "nodes"],
    "additionalProperties": False,
}

_WEEKLY: Schema = {
    "type": "object",
    "properties": dict.fromkeys(WEEKDAYS, _DAY),
    "additionalProperties": False,
    "description": gettext_noop("intervals by weekday: mon, tue, wed, thu, fri, sat, sun"),
}
_DAYS: dict[str, Schema] = {
    "holidays": {
        "type": "array",
        "maxItems": 400,
        "description": gettext_noop("a list of at most 400 dates"),
        "items": _text(_DATE, gettext_noop("a date written YYYY-MM-DD")),
    },
    "special_days": _mapping(_DATE, _DAY, gettext_noop("intervals by date written YYYY-MM-DD"), least=0, most=400),
}

HOURS: Schema = {
    "type": "object",
    "properties": {"weekly": _WEEKLY, **_DAYS},
    "required": ["weekly"],
    "additionalProperties": False,
    "description": gettext_noop("a JSON object"),
}
"""Opening hours that stand by themselves."""

NODES: dict[str, Schema] = {
    "answer": _node({"next": _TARGET}),
    "say": _node({"text": _SPOKEN, "next": _TARGET}, {"barge_in": _BARGE_IN}),
    "play": _node({"sound": _CODE, "next": _TARGET}, {"barge_in": _BARGE_IN}),
    "menu": _question({"keys": _KEYS}, {}),
    "digits": _question(
        {
            "name": _DIGITS_NAME,
            "max_digits": _DIGIT_COUNT,
        },
        {
            "next": _TARGET,
            "choices": _mapping(
                r"^[0-9]{1,32}\Z", _TARGET, gettext_noop("nodes by the digits that lead there, 1 to 32 of 0-9")
            ),
            "min_digits": _DIGIT_COUNT,
            "terminator": {"enum": ["#", "*", None], "description": gettext_noop('"#", "*" or null')},
        },
    ),
    "hours": _node({"weekly": _WEEKLY, "open": _TARGET, "closed": _TARGET}, _DAYS),
    "called": _node(
        {
            "numbers": _mapping(
                r"^\+[1-9][0-9]{1,14}\Z",
                _TARGET,
                gettext_noop("nodes by called number in E.164, such as +8610123456"),
            ),
            "otherwise": _TARGET,
        }
    ),
    "caller": _node(
        {"known": _TARGET, "unknown": _TARGET},
        {"segments": _mapping(r"^.{1,40}\Z", _TARGET, gettext_noop("nodes by the name of a customer segment"))},
    ),
    "language": _node({"language": _LANGUAGE, "next": _TARGET}),
    "callback": _node(
        {"taken": _TARGET, "refused": _TARGET}, {"exists": _TARGET, "number": _DIGITS_NAME, "queue": _CODE}
    ),
    "hand_over": _node({"tenant": _CODE, "service": _CODE}),
    "queue": _node(
        {"queue": _CODE},
        {
            "priority": _number("integer", 0, MAX_PRIORITY, gettext_noop("a whole number from 0 to 100")),
            "keys": _KEYS,
            "max_wait_seconds": _number("number", 5, 7200, gettext_noop("a number of seconds from 5 to 7200")),
            "on_max_wait": _TARGET,
            "on_full": _TARGET,
            "on_closed": _TARGET,
        },
    ),
    "hang_up": _node(
        {
            "reason": {
                "enum": list(HANG_UP_REASONS),
                "description": gettext_noop("one of self_served, closed, no_input, busy, rejected"),
            }
        }
    ),
}
