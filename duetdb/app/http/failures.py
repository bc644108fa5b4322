"""What both interfaces say of an error: its status, its list of mistakes, its headers (SPEC 18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.types import Scope

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.audit import notes
from duetdb.app.service.encoding import dumps, sendable
from duetdb.app.service.errors import (
    BadMetadata,
    BadRequest,
    DuetError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)

STATUS: Final[Mapping[str, int]] = {
    "BAD_REQUEST": 400,
    "BAD_QUERY": 400,
    "LIMIT_EXCEEDED": 400,
    "BAD_METADATA": 400,
    "VALIDATION_FAILED": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "REQUEST_TIMEOUT": 408,
    "CONFLICT": 409,
    "VERSION_MISMATCH": 412,
    "TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RANGE_NOT_SATISFIABLE": 416,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "NOT_AVAILABLE": 501,
    "UNAVAILABLE": 503,
    "QUARANTINED": 503,
}
"""The HTTP status of each error's code."""


class MethodNotAllowed(BadRequest):
    """The resource exists and does not have this method; ``allowed`` are those it has."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, *allowed: str) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(
            f"{method} is not possible here.", hint=f"This address takes {self.allowed}."
        )


class NotAcceptable(BadRequest):
    """The caller's ``Accept`` header leaves out everything that can be sent."""

    code = "NOT_ACCEPTABLE"


class UnsupportedMediaType(BadRequest):
    """The body is of a kind that is not read here."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class RangeNotSatisfiable(BadRequest):
    """The range that is asked for begins behind the end of a body of ``length`` bytes."""

    code = "RANGE_NOT_SATISFIABLE"

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(f"The range begins behind the end of {length:,} bytes.")


class RequestTimeout(BadRequest):
    """The rest of the request does not arrive, or too slowly."""

    code = "REQUEST_TIMEOUT"


def masked(request_id: str) -> str:
    """The sentence for an error that nobody foresaw; what happened is in the log alone."""
    return f"Something went wrong here; the log has it under {request_id}."


def mistakes(error: DuetError) -> list[dict[str, Any]] | None:
    """``list`` of SPEC 18.1: every single mistake of an error that has several."""
    if isinstance(error, ValidationFailed):
        return [_mistake(each.field, each.message, each.code, each.index) for each in error.invalid]
    if isinstance(error, BadMetadata):
        return [_mistake(each.path, each.message, "METADATA") for each in error.problems]
    return None


def _mistake(field: str, message: str, code: str, index: int | None = None) -> dict[str, Any]:
    entry = {"field": sendable(field), "message": [sendable(message), code]}
    return entry if index is None else {**entry, "index": index}


def envelope(error: DuetError) -> dict[str, Any]:
    """The body of SPEC 18.1 or 18.2, with ``hint`` when there is one."""
    name = "ValidationError" if isinstance(error, ValidationFailed) else type(error).__name__
    body = {"name": name, "message": sendable(error.message), "status": STATUS[error.code]}
    return _with_details(body, error)


def extensions(error: DuetError) -> dict[str, Any]:
    """The ``extensions`` of a GraphQL error."""
    found = _with_details({"code": error.code, "status": STATUS[error.code]}, error)
    wait = retry_after(error)
    return found if wait is None else {**found, "retryAfter": wait}


def _with_details(body: dict[str, Any], error: DuetError) -> dict[str, Any]:
    found = mistakes(error)
    if found is not None:
        body["list"] = found
    if error.hint:
        body["hint"] = sendable(error.hint)
    return body


def refusal(error: DuetError, scope: Scope) -> JsonBytes:
    """The answer to a request that no interface has seen, as the one that it is for writes it."""
    notes.refused(error)
    body = envelope(error)
    if f"{scope['path']}/".startswith("/graphql/"):
        entry = {"message": sendable(error.message), "extensions": extensions(error)}
        body = {"errors": [entry]}
    return JsonBytes(dumps(body), STATUS[error.code], headers(error))


def headers(error: Exception) -> dict[str, str]:
    """The headers that an error's answer carries."""
    wait = retry_after(error)
    if wait is not None:
        return {"retry-after": str(wait)}
    if isinstance(error, MethodNotAllowed):
        return {"allow": error.allowed}
    if isinstance(error, RangeNotSatisfiable):
        return {"content-range": f"bytes */{error.length}"}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": 'ApiKey realm="duetdb"'}
    if isinstance(error, RequestTimeout):
        return {"connection": "close"}  # what may still come of the body is not read
    return {}


def retry_after(error: Exception) -> int | None:
    """Seconds after which the same request may succeed; None when waiting does not help."""
    if isinstance(error, Unavailable | TooManyRequests):
        return error.retry_after
    return None
