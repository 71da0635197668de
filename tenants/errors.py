"""The errors that services raise. Each has a stable code, an HTTP status and data; edges only translate them."""

from typing import Any


class HotseatError(Exception):
    """A request that cannot be carried out, told so that a person can act on it.

    `code` is stable and machine-readable, `message` says what was wrong, with which value, and what to do.
    `data` goes into the problem document (RFC 9457) beside them and must be JSON-serialisable.
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.data = data


class NotFound(HotseatError):
    """The object does not exist for this tenant; a foreign object and a missing one are told alike."""

    code = "not-found"
    status = 404


class Conflict(HotseatError):
    """The present state forbids the request: a taken station, a second login, an offer that is over."""

    code = "conflict"
    status = 409


class Invalid(HotseatError):
    """The input is well-formed but wrong. `errors` in `data` lists every fault, not only the first."""

    code = "invalid"
    status = 422


class Forbidden(HotseatError):
    """The caller is known and may not do this: a missing right, an exhausted entitlement, a suspended tenant."""

    code = "forbidden"
    status = 403


class ScopeMissing(RuntimeError):
    """Tenant data was touched outside a scope. Always a programming error, never a request's fault."""
