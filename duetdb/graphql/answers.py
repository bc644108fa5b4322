"""Answers over HTTP: their status and their media type (GraphQL over HTTP, section 6)."""

from __future__ import annotations

from typing import Any

from duetdb.app.http import failures
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.graphql.errors import service_entry
from duetdb.graphql.media_types import GRAPHQL, MediaType


def answered(answer: dict[str, Any], kind: MediaType) -> JsonBytes:
    """An operation that was not begun is a bad request where the client can tell (section 6.4)."""
    status = 200 if "data" in answer or kind is MediaType.JSON else 400
    return _response(answer, kind, status)


def failure(error: Exception, kind: MediaType, request_id: str) -> JsonBytes:
    """A request that came to no operation; what nobody expected is masked and logged."""
    found = service_entry(error, request_id)
    response = _response({"errors": [found]}, kind, found["extensions"]["status"])
    for name, value in failures.headers(error).items():
        response.set(name, value)
    return response


def _response(answer: Any, kind: MediaType, status: int) -> JsonBytes:
    response = JsonBytes(dumps(answer), status)
    if kind is MediaType.GRAPHQL:
        response.set("content-type", GRAPHQL)
    return response
