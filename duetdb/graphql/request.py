"""HTTP requests read as GraphQL requests (GraphQL over HTTP, section 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope

from duetdb.app.http.bodies import parse_json, read_body
from duetdb.app.http.failures import MethodNotAllowed, UnsupportedMediaType
from duetdb.app.service.errors import BadRequest

_MOST_PARAMETERS = 100
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for, by a text or by the ``hash`` of one, or both.

    With ``explain`` it also asks how the database answers.
    """

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any]
    explain: bool = False
    hash: str | None = None


async def read_request(
    scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, most_bytes: int
) -> Request:
    """The operation that a POST's body or a GET's parameters ask for.

    Raises ``BadRequest`` and ``TooLarge``.
    """
    method = scope["method"]
    if method == "POST":
        check_content_type(headers.get(b"content-type", b""))
        raw = await read_body(HttpRequest(scope, receive), most_bytes)
        return _request(parse_json(raw) if raw.strip() else None, _asks_why(scope))
    if method in ("GET", "HEAD"):
        return _request(_parameters(scope), _asks_why(scope))
    raise MethodNotAllowed(method, "POST", "GET", "HEAD")


def check_content_type(content_type: bytes) -> None:
    """JSON only: a form of another site can send none, so no page can act on a visitor's behalf."""
    kind, _, parameters = content_type.partition(b";")
    charset = parameters.replace(b" ", b"").lower().replace(b'"', b"")
    if kind.strip().lower() != b"application/json" or b"charset=utf-16" in charset:
        raise UnsupportedMediaType(
            "The body must be JSON.",
            hint='Send content-type: application/json and {"query": "{ ... }"}.',
        )


def _parameters(scope: Scope) -> dict[str, Any]:
    try:
        text = scope["query_string"].decode("utf-8")
        found = parse_qs(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise BadRequest(
            "The query string cannot be read.",
            hint=f"It takes UTF-8 and at most {_MOST_PARAMETERS} parameters.",
        ) from None
    body: dict[str, Any] = {name: values[-1] for name, values in found.items()}
    for name in ("variables", "extensions"):
        if body.get(name):
            body[name] = _json(name, body[name])
        else:
            body.pop(name, None)
    return body


def _json(name: str, text: str) -> Any:
    try:
        return parse_json(text)
    except BadRequest as error:
        raise BadRequest(
            f"The parameter '{name}' cannot be read: {error.message}", hint=error.hint
        ) from None


def _request(body: Any, explain: bool) -> Request:
    if not isinstance(body, dict):
        batch = "Operations are not sent in batches: select several fields in one."
        hint = batch if isinstance(body, list) else 'Such as {"query": "{ ... }"}.'
        raise BadRequest("A GraphQL request is one JSON object.", hint=hint)
    name = body.get("operationName")
    if name is not None and not isinstance(name, str):
        raise BadRequest("'operationName' must be a string or null.")
    for key in ("variables", "extensions"):
        if body.get(key) is not None and not isinstance(body[key], dict):
            raise BadRequest(f"'{key}' must be a JSON object or null.")
    extensions = body.get("extensions") or {}
    explain = explain or extensions.get("explain") is True
    hash_ = _hash(extensions.get("persistedQuery"))
    query = _query(body.get("query"), hash_)
    return Request(query, name, body.get("variables") or {}, explain, hash_)


def _query(query: Any, hash_: str | None) -> str | None:
    """The text, which may be left to its hash."""
    if hash_ is not None and query in (None, ""):
        return None
    if not isinstance(query, str) or not query.strip():
        raise BadRequest(
            "'query' must hold the text of an operation.", hint='Such as "{ __typename }".'
        )
    return query


def _hash(persisted: Any) -> str | None:
    """The hash in ``extensions.persistedQuery``, of the only version that there is."""
    if persisted is None:
        return None
    if isinstance(persisted, dict) and persisted.get("version") == 1:
        hash_ = persisted.get("sha256Hash")
        if isinstance(hash_, str) and _HASH.fullmatch(hash_):
            return hash_
    raise BadRequest(
        "'extensions.persistedQuery' must hold the version 1 and a SHA-256.",
        hint='Such as {"version": 1, "sha256Hash": "..."}, with 64 hexadecimal digits.',
    )


def _asks_why(scope: Scope) -> bool:
    """Whether ``?explain=true`` stands in the address, be it of a GET or of a POST."""
    return b"explain" in scope["query_string"] and _parameters(scope).get("explain") == "true"
