"""The first half of validation: is this JSON a flow at all, node by node."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, cast

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, ValidationError

from routing.flows import schema
from routing.flows.hours import Interval, parse_interval
from routing.flows.problems import Problem, pointer, shown

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]

_FLOW = Draft202012Validator(schema.FLOW)
_HOURS = Draft202012Validator(schema.HOURS)
_NODES = {kind: Draft202012Validator(node) for kind, node in schema.NODES.items()}


def flow_problems(data: object) -> list[Problem]:
    """What is wrong with the frame around the nodes."""
    return _shape_problems(_FLOW, data, ())


def node_problems(name: str, data: object) -> list[Problem]:
    """What is wrong with one node's own fields; where it leads to is looked at elsewhere."""
    path: Path = ("nodes", name)
    if not isinstance(data, Mapping):
        return [_invalid(path, data, _("a JSON object"))]
    if "type" not in data:
        return [_missing(path, "type")]
    kind = data["type"]
    if not isinstance(kind, str) or kind not in _NODES:
        known = ", ".join(_NODES)
        message = _("There is no node type %(type)s; the types are %(known)s.") % {"type": shown(kind), "known": known}
        return [Problem(pointer((*path, "type")), "unknown-type", message)]
    problems = _shape_problems(_NODES[kind], data, path)
    if not problems and kind in _EXTRA_RULES:
        problems = list(_EXTRA_RULES[kind](data, path))
    return problems


def hours_problems(data: object) -> list[Problem]:
    """What is wrong with opening hours that stand by themselves, as those of a call-back rule do."""
    problems = _shape_problems(_HOURS, data, ())
    return problems or list(_hours_rules(cast("Mapping[str, Any]", data), ()))


def _shape_problems(validator: Draft202012Validator, data: object, base: Path) -> list[Problem]:
    told = (problem for error in validator.iter_errors(data) for problem in _told(error, base))
    return list(dict.fromkeys(told))


def _told(error: ValidationError, base: Path) -> Iterator[Problem]:
    """A JSON Schema error in our own words."""
    path: Path = (*base, *error.absolute_path)
    # The stubs allow for errors that are not of a schema; these come from iter_errors and have all three.
    rule = cast("Schema", error.schema)
    instance: Any = error.instance
    if error.validator == "required":
        # One error for each missing field, which names it only in prose: all are told, the caller drops repeats.
        yield from (_missing(path, name) for name in rule["required"] if name not in instance)
    elif error.validator == "additionalProperties":
        yield from (_unknown(path, name, rule) for name in _extras(instance, rule))
    else:
        yield _invalid(path, instance, _expected(rule))


def _extras(instance: Mapping[str, Any], rule: Schema) -> list[str]:
    patterns = rule.get("patternProperties", {})
    return [
        name
        for name in instance
        if name not in rule.get("properties", {}) and not any(re.search(pattern, name) for pattern in patterns)
    ]


def _expected(rule: Schema) -> str:
    description: str = rule["description"]
    return _(description)


def _invalid(path: Path, value: object, expected: str) -> Problem:
    message = _("%(value)s is not valid here: expected %(expected)s.") % {"value": shown(value), "expected": expected}
    return Problem(pointer(path), "invalid-value", message)


def _missing(path: Path, name: str) -> Problem:
    message = _("The field %(name)s is missing.") % {"name": shown(name)}
    return Problem(pointer((*path, name)), "missing-field", message)


def _unknown(path: Path, name: str, rule: Schema) -> Problem:
    if "patternProperties" in rule:
        return Problem(pointer((*path, name)), "invalid-key", _invalid(path, name, _expected(rule)).message)
    message = _("There is no field %(name)s here; the fields are %(known)s.") % {
        "name": shown(name),
        "known": ", ".join(rule["properties"]),
    }
    return Problem(pointer((*path, name)), "unknown-field", message)


def unstorable_problems(data: object) -> Iterator[Problem]:
    """Characters and numbers that JSON lets through but a database, a voice or a clock does not take.

    Walks without recursion, since the nesting is in the author's hands.
    """
    waiting: list[tuple[Path, object]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend(((*path, str(name)), item) for name, item in value.items())
            waiting.extend(((*path, str(name)), name) for name in value)
        elif isinstance(value, list):
            waiting.extend(((*path, index), item) for index, item in enumerate(value))
        elif isinstance(value, str) and any(_is_unstorable(character) for character in value):
            message = _("The text holds a control character or half a surrogate pair; remove it.")
            yield Problem(pointer(path), "bad-character", message)
        elif isinstance(value, float) and not math.isfinite(value):
            yield _invalid(path, value, _("a finite number"))


def _is_unstorable(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"}


def _digits_rules(data: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    least, most = data.get("min_digits", 1), data["max_digits"]
    if least > most:
        message = _("min_digits is %(least)d, more than max_digits, which is %(most)d.") % {
            "least": least,
            "most": most,
        }
        yield Problem(pointer((*path, "min_digits")), "digits-range", message)
    if "next" not in data and "choices" not in data:
        yield _missing(path, "next")
    elif "next" in data and "choices" in data:
        message = _("There are both next and choices; keep one: digits that are no choice lead to on_invalid.")
        yield Problem(pointer((*path, "next")), "next-and-choices", message)
    for digits in data.get("choices", {}):
        if not least <= len(digits) <= most:
            words = {"digits": digits, "least": least, "most": most}
            message = _("Nobody can enter %(digits)s: min_digits is %(least)d and max_digits is %(most)d.") % words
            yield Problem(pointer((*path, "choices", digits)), "digits-range", message)


def _hours_rules(data: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    holidays, special = data.get("holidays", []), data.get("special_days", {})
    for index, day in enumerate(holidays):
        yield from _date_problems(day, (*path, "holidays", index))
    for day in special:
        yield from _date_problems(day, (*path, "special_days", day))
        if day in holidays:
            message = _("%(day)s is both a holiday and a special day; keep one.") % {"day": day}
            yield Problem(pointer((*path, "special_days", day)), "day-twice", message)
    for group, days in (("weekly", data["weekly"]), ("special_days", special)):
        for day, pairs in days.items():
            yield from _interval_problems(pairs, (*path, group, day))


def _date_problems(day: str, path: Path) -> Iterator[Problem]:
    try:
        date.fromisoformat(day)
    except ValueError:
        yield _invalid(path, day, _("a date that the calendar has"))


def _interval_problems(pairs: Sequence[tuple[str, str]], path: Path) -> Iterator[Problem]:
    taken: list[Interval] = []
    for index, pair in enumerate(pairs):
        span = parse_interval(pair)
        words = {"start": pair[0], "end": pair[1]}
        if span.start >= span.end:
            message = _(
                "%(start)s to %(end)s ends before it begins; write hours past midnight as two intervals, "
                "the first until 24:00 and the second on the next day from 00:00."
            )
            yield Problem(pointer((*path, index)), "interval-order", message % words)
        elif any(span.start < other.end and other.start < span.end for other in taken):
            message = _("%(start)s to %(end)s overlaps an earlier interval of the same day.")
            yield Problem(pointer((*path, index)), "interval-overlap", message % words)
        taken.append(span)


def _queue_rules(data: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for name, other in (("max_wait_seconds", "on_max_wait"), ("on_max_wait", "max_wait_seconds")):
        if name in data and other not in data:
            yield _missing(path, other)


_EXTRA_RULES = {"digits": _digits_rules, "hours": _hours_rules, "queue": _queue_rules}
