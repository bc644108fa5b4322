"""The one place that turns an error into a REST answer (SPEC 18)."""

from __future__ import annotations

import structlog

from duetdb.app.http.failures import STATUS, envelope, headers, masked
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.audit import notes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import DuetError

_log = structlog.get_logger("duetdb.rest")


def error_response(error: DuetError) -> JsonBytes:
    """The envelope of SPEC 18.1 or 18.2, with ``hint`` when there is one; refusals are noted."""
    notes.refused(error)
    return JsonBytes(dumps(envelope(error)), STATUS[error.code], headers(error))


def masked_response(error: Exception, request_id: str) -> JsonBytes:
    """A bare 500 for an error that nobody foresaw."""
    _log.error("unexpected error", request_id=request_id, exc_info=error)
    body = {"name": "InternalError", "message": masked(request_id), "status": 500}
    return JsonBytes(dumps(body), 500)
