"""The one place where errors become GraphQL errors, with ``{code, status, list, hint}``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import structlog
from graphql import FieldNode, GraphQLError

from duetdb.app.service.encoding import sendable
from duetdb.app.service.errors import BadMetadata, DuetError, Invalid, Unavailable, ValidationFailed

ErrorEntry: TypeAlias = dict[str, Any]

STATUS: Mapping[str, int] = {
    "BAD_REQUEST": 400,
    "BAD_QUERY": 400,
    "LIMIT_EXCEEDED": 400,
    "BAD_METADATA": 400,
    "VALIDATION_FAILED": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "VERSION_MISMATCH": 412,
    "TOO_LARGE": 413,
    "INTERNAL": 500,
    "NOT_AVAILABLE": 501,
    "UNAVAILABLE": 503,
    "QUARANTINED": 503,
}


class HttpRefusal(Exception):
    """What is wrong about the HTTP request itself, with the status that says so."""

    def __init__(
        self, status: int, message: str, hint: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        extensions = {"code": "BAD_REQUEST", "status": status, "hint": hint}
        self.entry: ErrorEntry = {"message": message, "extensions": extensions}


_log = structlog.get_logger("duetdb.graphql")


def entry(error: Exception, request_id: str, key: str, node: FieldNode | None) -> ErrorEntry:
    """An error of the root field ``key``, where it stands and in which part of the answer."""
    if isinstance(error, GraphQLError):
        return {**refused(error), "path": [key]}
    found = service_entry(error, request_id)
    if node is not None and node.loc is not None:
        start = node.loc.start_token
        found["locations"] = [{"line": start.line, "column": start.column}]
    found["path"] = [key]
    return found


def service_entry(error: Exception, request_id: str) -> ErrorEntry:
    """An error that no field is to blame for; what nobody expected is masked and logged."""
    if not isinstance(error, DuetError):
        _log.error("unexpected error", request_id=request_id, exc_info=error)
        return {
            "message": f"Something went wrong here; the log has it under {request_id}.",
            "extensions": {"code": "INTERNAL", "status": 500},
        }
    extensions: ErrorEntry = {"code": error.code, "status": STATUS[error.code]}
    if isinstance(error, ValidationFailed):
        extensions["list"] = [_invalid(each) for each in error.invalid]
    if isinstance(error, BadMetadata):
        extensions["list"] = [
            {"field": sendable(each.path), "message": [sendable(each.message), "METADATA"]}
            for each in error.problems
        ]
    if error.hint is not None:
        extensions["hint"] = sendable(error.hint)
    if isinstance(error, Unavailable):
        extensions["retryAfter"] = error.retry_after
    return {"message": sendable(error.message), "extensions": extensions}


def refused(error: GraphQLError) -> ErrorEntry:
    """An error that GraphQL itself found: the text, its meaning, a variable or an argument."""
    found: ErrorEntry = {**error.formatted, "message": sendable(error.message)}
    found["extensions"] = {"code": "BAD_REQUEST", "status": 400, **(error.extensions or {})}
    return found


def refused_all(errors: Iterable[GraphQLError]) -> list[ErrorEntry]:
    """The same for several."""
    return [refused(each) for each in errors]


def _invalid(invalid: Invalid) -> dict[str, Any]:
    found: dict[str, Any] = {
        "field": sendable(invalid.field),
        "message": [sendable(invalid.message), invalid.code],
    }
    if invalid.index is not None:
        found["index"] = invalid.index
    return found
