"""The one place where errors become GraphQL errors, with ``{code, status, list, hint}``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import structlog
from graphql import FieldNode, GraphQLError

from duetdb.app.http.failures import STATUS, extensions, masked
from duetdb.app.service.audit import notes
from duetdb.app.service.encoding import sendable
from duetdb.app.service.errors import BadRequest, DuetError
from duetdb.schema_gen.model import Schema

ErrorEntry: TypeAlias = dict[str, Any]

_LONGEST = 1_000
"""Characters of a message: names and values that it quotes may be as long as the request."""

_DOLLAR = re.compile(r"\$[A-Za-z]+\b")

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
    """An error that no field is to blame for; what nobody expected is masked and logged.

    Refusals are noted.
    """
    if not isinstance(error, DuetError):
        _log.error("unexpected error", request_id=request_id, exc_info=error)
        return {
            "message": masked(request_id),
            "extensions": {"code": "INTERNAL", "status": STATUS["INTERNAL"]},
        }
    notes.refused(error)
    return {"message": _sendable(error.message), "extensions": extensions(error)}


def in_other_words(error: BadRequest, words: Mapping[str, str]) -> BadRequest:
    """The same error with REST's ``words``, such as ``$gte``, as the caller wrote them."""

    def worded(text: str) -> str:
        return _DOLLAR.sub(lambda found: words.get(found[0], found[0]), text)

    return type(error)(worded(error.message), hint=error.hint and worded(error.hint))


def refused(error: GraphQLError) -> ErrorEntry:
    """An error that GraphQL itself found: the text, its meaning, a variable or an argument."""
    found: ErrorEntry = {**error.formatted, "message": _sendable(error.message)}
    found["extensions"] = {"code": "BAD_REQUEST", "status": 400, **(error.extensions or {})}
    return found


def refused_all(errors: Iterable[GraphQLError]) -> list[ErrorEntry]:
    """The same for several."""
    return [refused(each) for each in errors]


def refused_text(errors: Iterable[GraphQLError], schema: Schema) -> list[ErrorEntry]:
    """The same for a text, which may ask for what is missing because it cannot be built."""
    found = refused_all(errors)
    if schema.quarantined:
        reasons = (f"{name!r} ({each[0]})" for name, each in schema.quarantined.items())
        hint = f"Not served because of their metadata: {', '.join(reasons)}"
        for each in found:
            each["extensions"].setdefault("hint", _sendable(hint))
    return found


def _sendable(message: str) -> str:
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + "..."
    return sendable(message)
