"""Problem documents (RFC 9457): every answer that says no looks the same, whatever raised it."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from tenants.errors import HotseatError

CONTENT_TYPE = "application/problem+json"
CODES = {
    400: "bad-request",
    401: "not-authenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    413: "body-too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal-error",
    503: "unavailable",
}
NON_FIELD = "non_field_errors"
log = structlog.get_logger(__name__)


class MalformedBody(exceptions.APIException):
    """The body is no JSON at all; `data` says where it breaks."""

    status_code = 400
    default_code = "malformed-json"

    def __init__(self, detail: str, **data: Any) -> None:
        super().__init__(detail)
        self.data = data


def request_id() -> str:
    """Return the id under which this request stands in the logs."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def document(
    *, status: int, detail: str, code: str = "", errors: Sequence[Mapping[str, Any]] = (), **data: Any
) -> dict[str, Any]:
    """Return the body of a problem. `errors` name the faults one by one, by JSON pointers into the request's body."""
    return {
        **data,
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or CODES.get(status, "error"),
        "errors": list(errors),
        "request_id": request_id(),
    }


def answer(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that carries a problem."""
    return Response(body, status=body["status"], headers=dict(headers or {}), content_type=CONTENT_TYPE)


def answer_exception(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn whatever a view raised into a problem. What nobody expected is logged with its traceback and told as 500."""
    match error:
        case HotseatError():
            return answer(_of_service(error))
        case exceptions.ValidationError():
            return answer(_invalid(error.detail))
        case exceptions.APIException():
            return _of_framework(error)
    return _of_django(error, view=type(context.get("view")).__name__)


def _of_django(error: Exception, *, view: str) -> Response:
    headers: dict[str, str] = {}
    match error:
        case Http404():
            status, detail = 404, _("There is no such object here.")
        case PermissionDenied():
            status, detail = 403, str(error) or _("You may not do this.")
        case RequestDataTooBig():
            status, detail = 413, _("The body is larger than is accepted. Send less at a time.")
        case OperationalError():
            status, detail = 503, _("The database cannot be reached just now. Try again in a moment.")
            headers = {"Retry-After": "2"}
        case _:
            status, detail = 500, _("Something went wrong here. The log has it under the request's id.")
    if status >= 500:
        log.error("request failed", view=view, exc_info=error)
    return answer(document(status=status, detail=detail), headers)


def _of_service(error: HotseatError) -> dict[str, Any]:
    data = dict(error.data)
    errors = data.pop("errors", ())
    if isinstance(errors, Mapping):
        errors = faults(errors)
    return document(status=error.status, detail=error.message, code=error.code, errors=errors, **data)


def _of_framework(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    code = error.default_code if isinstance(error, MalformedBody) else CODES.get(error.status_code, "error")
    data = getattr(error, "data", {})
    return answer(document(status=error.status_code, detail=str(error.detail), code=code, **data), headers)


def _invalid(detail: Any) -> dict[str, Any]:
    errors = faults(detail)
    first = errors[0] if errors else {"pointer": "", "message": ""}
    sentence = _("%(count)d values are not accepted; the first: %(pointer)s: %(message)s") % {
        "count": len(errors),
        "pointer": first["pointer"] or "/",
        "message": first["message"],
    }
    return document(status=422, detail=sentence, errors=errors)


def faults(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """Flatten a serializer's nested errors into pointers and messages."""
    if isinstance(detail, Mapping):
        return [
            fault
            for name, inner in detail.items()
            for fault in faults(inner, pointer if name == NON_FIELD else f"{pointer}/{_escaped(str(name))}")
        ]
    if isinstance(detail, (list, tuple)):
        if all(isinstance(inner, str) for inner in detail):
            return [{"pointer": pointer, "message": str(inner)} for inner in detail]
        return [fault for place, inner in enumerate(detail) for fault in faults(inner, f"{pointer}/{place}")]
    return [{"pointer": pointer, "message": str(detail)}]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def unknown_address(request: HttpRequest, rest: str = "") -> JsonResponse:
    """Answer an address under /api/ that no view has."""
    hint = "" if re.search(r"/$", request.path) else _(" Addresses end with a slash.")
    detail = _("There is nothing at %(path)s.") % {"path": request.path} + hint
    return JsonResponse(document(status=404, detail=detail), status=404, content_type=CONTENT_TYPE)
