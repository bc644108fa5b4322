"""The one place that turns an error into a REST answer (SPEC 18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps, sendable
from duetdb.app.service.errors import BadMetadata, DuetError, Invalid, Unavailable, ValidationFailed

STATUS: Mapping[str, int] = {
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
    "CONFLICT": 409,
    "VERSION_MISMATCH": 412,
    "TOO_LARGE": 413,
    "NOT_AVAILABLE": 501,
    "UNAVAILABLE": 503,
    "QUARANTINED": 503,
}

_log = structlog.get_logger("duetdb.rest")


class MethodNotAllowed(DuetError):
    """The resource exists and does not have this method; ``allowed`` are those it has."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        shown = ", ".join(allowed)
        super().__init__(f"{method} is not possible here.", hint=f"This address takes {shown}.")
        self.allowed = shown


class NotAcceptable(DuetError):
    """The caller's ``Accept`` header leaves out JSON."""

    code = "NOT_ACCEPTABLE"


def error_response(error: DuetError) -> JsonBytes:
    """The envelope of SPEC 18.1 or 18.2, with ``hint`` when there is one."""
    status = STATUS[error.code]
    return JsonBytes(dumps(_envelope(error, status)), status, _headers(error))


def masked_response(error: Exception, request_id: str) -> JsonBytes:
    """A bare 500 for an error that nobody foresaw; what happened is in the log alone."""
    _log.error("unexpected error", request_id=request_id, exc_info=error)
    body = {
        "name": "InternalError",
        "message": f"Something went wrong here; the log has it under {request_id}.",
        "status": 500,
    }
    return JsonBytes(dumps(body), 500)


def _envelope(error: DuetError, status: int) -> dict[str, Any]:
    name = "ValidationError" if isinstance(error, ValidationFailed) else type(error).__name__
    body: dict[str, Any] = {"name": name, "message": sendable(error.message), "status": status}
    if isinstance(error, ValidationFailed):
        body["list"] = [_invalid_entry(each) for each in error.invalid]
    elif isinstance(error, BadMetadata):
        body["list"] = [
            {"field": sendable(each.path), "message": [sendable(each.message), "METADATA"]}
            for each in error.problems
        ]
    if error.hint:
        body["hint"] = sendable(error.hint)
    return body


def _invalid_entry(invalid: Invalid) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "field": sendable(invalid.field),
        "message": [sendable(invalid.message), invalid.code],
    }
    if invalid.index is not None:
        entry["index"] = invalid.index
    return entry


def _headers(error: DuetError) -> dict[str, str] | None:
    if isinstance(error, Unavailable):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, MethodNotAllowed):
        return {"allow": error.allowed}
    if error.code == "UNAUTHENTICATED":
        return {"www-authenticate": 'ApiKey realm="duetdb"'}
    return None
