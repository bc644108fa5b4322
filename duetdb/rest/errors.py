"""The one place that turns an error into a REST answer (SPEC 18)."""

from __future__ import annotations

from typing import Any

import structlog

from duetdb.app.http.failures import STATUS, headers, masked, mistakes
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps, sendable
from duetdb.app.service.errors import DuetError, ValidationFailed

_log = structlog.get_logger("duetdb.rest")


def error_response(error: DuetError) -> JsonBytes:
    """The envelope of SPEC 18.1 or 18.2, with ``hint`` when there is one."""
    status = STATUS[error.code]
    return JsonBytes(dumps(_envelope(error, status)), status, headers(error))


def masked_response(error: Exception, request_id: str) -> JsonBytes:
    """A bare 500 for an error that nobody foresaw."""
    _log.error("unexpected error", request_id=request_id, exc_info=error)
    body = {"name": "InternalError", "message": masked(request_id), "status": 500}
    return JsonBytes(dumps(body), 500)


def _envelope(error: DuetError, status: int) -> dict[str, Any]:
    name = "ValidationError" if isinstance(error, ValidationFailed) else type(error).__name__
    body: dict[str, Any] = {"name": name, "message": sendable(error.message), "status": status}
    found = mistakes(error)
    if found is not None:
        body["list"] = found
    if error.hint:
        body["hint"] = sendable(error.hint)
    return body
