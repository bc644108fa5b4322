"""Texts to be registered, as people and build tools write them: one text, or a manifest of many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode

from duetdb.app.service.errors import BadRequest
from duetdb.app.service.limits import Limits
from duetdb.app.service.registered import RegisteredOperation, hash_of
from duetdb.graphql.operations import parsed


def operations_in(raw: str, limits: Limits) -> Sequence[RegisteredOperation]:
    """The operations of a file: a manifest in JSON, or one text. Errors are ``operations_of``'s."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = {"query": raw}
    return operations_of(body, limits)


def operations_of(body: Any, limits: Limits) -> Sequence[RegisteredOperation]:
    """The operations of ``{"query", "name"}`` or of a manifest.

    That is an object of texts by their hashes, or a list ``operations`` of
    objects with ``id``, ``body`` and ``name``. Raises ``BadRequest`` and
    ``LimitExceeded`` for a text that cannot be an operation or is not what its
    hash says.
    """
    if not isinstance(body, dict) or not body:
        raise BadRequest(
            "Operations to be registered are a JSON object.",
            hint='Send {"query": text, "name": name}, or an object of texts by their hashes.',
        )
    return [_checked(*each, limits) for each in _entries(body)]


def _entries(body: dict[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Hash, text and name of each, of which the first and the last may be absent."""
    if "query" in body:
        yield None, body["query"], body.get("name")
    elif isinstance(body.get("operations"), list):
        for each in body["operations"]:
            entry = each if isinstance(each, dict) else {}
            yield entry.get("id"), entry.get("body"), entry.get("name")
    else:
        for hash_, text in body.items():
            yield hash_, text, None


def _checked(hash_: Any, text: Any, name: Any, limits: Limits) -> RegisteredOperation:
    if not isinstance(text, str) or not isinstance(name, str | None):
        raise BadRequest("An operation to be registered has a text, and its name is one.")
    found = hash_of(text)
    if hash_ not in (None, found):
        raise BadRequest(
            f"{str(hash_)[:70]!r} is not the SHA-256 of its text, which is {found}.",
            hint="Let the build tool hash its texts by SHA-256, in hexadecimal digits.",
        )
    try:
        document = parsed(text, limits.graphql_tokens)
    except GraphQLError as error:
        raise BadRequest(f"A text that is no operation cannot be registered: {error}") from None
    operations = [
        each.name.value if each.name else ""
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
    ]
    if not operations:
        raise BadRequest("A text without an operation cannot be registered.")
    return RegisteredOperation(found, name or ", ".join(filter(None, operations)), text)
