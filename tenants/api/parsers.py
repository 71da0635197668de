"""Reading JSON as strictly as the database will."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.parsers import JSONParser

from tenants.api.problems import MalformedBody

DEEPEST = 64


class StrictJSONParser(JSONParser):
    """JSON in UTF-8 without the extensions of Python's reader; a fault is told with its line and column.

    NaN and infinities, names given twice, and characters that PostgreSQL cannot keep (NUL, lone surrogates) are refused
    here once, for every endpoint.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read()
        try:
            text = raw.decode() if isinstance(raw, bytes) else raw
            data = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
            _check(data, depth=0)
        except json.JSONDecodeError as error:
            raise MalformedBody(
                _("The body is not JSON: line %(line)d, column %(column)d: %(reason)s.")
                % {"line": error.lineno, "column": error.colno, "reason": error.msg},
                line=error.lineno,
                column=error.colno,
                position=error.pos,
            ) from error
        except UnicodeDecodeError as error:
            raise MalformedBody(
                _("The body is not UTF-8 at byte %(at)d.") % {"at": error.start}, position=error.start
            ) from error
        except RecursionError as error:
            raise MalformedBody(_("The JSON is nested too deeply.")) from error
        return data


def _refuse_constant(name: str) -> Any:
    raise MalformedBody(_("%(name)s is not a JSON number.") % {"name": name})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedBody(_("“%(name)s” is given twice in the same object.") % {"name": twice})
    return found


def _check(value: Any, *, depth: int) -> None:
    if depth > DEEPEST:
        raise MalformedBody(_("The JSON is nested more than %(limit)d levels deep.") % {"limit": DEEPEST})
    if isinstance(value, str):
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
            raise MalformedBody(_("A text contains a character that is none: NUL or half of a surrogate pair."))
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth=depth + 1)
            _check(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth=depth + 1)
