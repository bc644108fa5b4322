"""``/graphql/operations``: the registered operations, for the holder of the full-access key.

GET                               all of them: [{"hash", "name", "query"}]
POST {"query", "name"}            registers one, or those of a manifest, all or none
DELETE /graphql/operations/HASH   forgets one
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from duetdb.app.http.bodies import parse_json, read_body
from duetdb.app.http.credentials import Callers
from duetdb.app.http.failures import MethodNotAllowed
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal, require_full
from duetdb.app.service.registered import RegisteredOperation, RegisteredOperations
from duetdb.graphql.answers import failure
from duetdb.graphql.manifest import operations_of
from duetdb.graphql.media_types import MediaType
from duetdb.graphql.request import check_content_type


class RegistryApp:
    """The ASGI application behind the addresses; every error becomes its answer here."""

    def __init__(self, registered: RegisteredOperations, callers: Callers, limits: Limits) -> None:
        self._registered = registered
        self._callers = callers
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(scope, receive)
        except ClientDisconnect:
            return
        except Exception as error:
            request_id = str(scope.get("state", {}).get("request_id", "unknown"))
            response = failure(error, MediaType.JSON, request_id)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> JsonBytes:
        principal = await self._callers.caller_of(scope)
        require_full(principal)  # before anything is said of the address or the body
        hash_ = scope["path_params"].get("hash")
        match scope["method"], hash_:
            case (("GET" | "HEAD"), None):
                return JsonBytes(dumps(_shown(await self._registered.all(principal))))
            case "POST", None:
                return await self._register(scope, receive, principal)
            case "DELETE", str():
                await self._registered.remove(hash_, principal)
                return JsonBytes(dumps({"result": [hash_]}))
        allowed = ("GET", "HEAD", "POST") if hash_ is None else ("DELETE",)
        raise MethodNotAllowed(scope["method"], *allowed)

    async def _register(self, scope: Scope, receive: Receive, principal: Principal) -> JsonBytes:
        check_content_type(dict(scope["headers"]).get(b"content-type", b""))
        raw = await read_body(Request(scope, receive), self._limits.body_bytes)
        operations = operations_of(parse_json(raw) if raw.strip() else None, self._limits)
        await self._registered.add(operations, principal)
        return JsonBytes(dumps(_shown(operations)), 201)


def _shown(operations: Sequence[RegisteredOperation]) -> list[dict[str, Any]]:
    return [{"hash": each.hash, "name": each.name, "query": each.text} for each in operations]
