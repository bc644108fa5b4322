"""Routing: which handler answers which address and method (SPEC 5, 9.2, 10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias
from urllib.parse import unquote

from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from duetdb.app.http.credentials import Callers
from duetdb.app.http.failures import MethodNotAllowed
from duetdb.app.http.responses import JsonBytes
from duetdb.app.http.streaming import Streaming
from duetdb.app.service.administration import Administration
from duetdb.app.service.errors import DuetError, NotFound
from duetdb.app.service.service import Service
from duetdb.rest import audit, children, documents, keys, meta
from duetdb.rest.call import Call
from duetdb.rest.docs import docs_routes
from duetdb.rest.errors import error_response, masked_response
from duetdb.rest.explain import asks_why, explained
from duetdb.rest.formats import JSON, asked_format, check_accept
from duetdb.rest.markup import rendered
from duetdb.rest.plans import build_part

Answer: TypeAlias = JsonBytes | Streaming
Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]
Resource: TypeAlias = Mapping[str, Handler]

COLLECTION: Resource = {
    "GET": documents.list_documents,
    "POST": documents.create_documents,
}
DOCUMENT: Resource = {
    "GET": documents.get_document,
    "PUT": documents.update_document,
    "PATCH": documents.update_document,
    "DELETE": documents.delete_document,
}
EVERY_DOCUMENT: Resource = {
    "PATCH": documents.update_documents,
    "DELETE": documents.delete_documents,
}
CHILD_LIST: Resource = {"GET": children.list_children, "POST": children.create_children}
FORMATTED_COLLECTION: Resource = {"GET": documents.list_documents}
FORMATTED_CHILD_LIST: Resource = {"GET": children.list_children}
CHILD: Resource = {
    "GET": children.get_child,
    "PUT": children.update_child,
    "PATCH": children.update_child,
    "DELETE": children.delete_child,
}
DATABASE_META: Resource = {"GET": meta.get_all, "PUT": meta.put_all}
DATABASE_CHANGE: Resource = {"GET": meta.get_change}
COLLECTION_META: Resource = {"GET": meta.get_one, "PUT": meta.put_one, "DELETE": meta.delete_one}
DATABASE_INFER: Resource = {"POST": meta.infer_all}
COLLECTION_INFER: Resource = {"POST": meta.infer_one}
AUDIT: Resource = {"GET": audit.list_entries}
KEYS: Resource = {"GET": keys.list_keys, "POST": keys.create_key}
KEY: Resource = {"GET": keys.get_key, "PATCH": keys.update_key, "DELETE": keys.revoke_key}
KEY_RESET: Resource = {"POST": keys.reset_key}
SWAGGER: Resource = {"GET": meta.get_swagger}
OPENAPI: Resource = {"GET": meta.get_openapi}


def rest_routes(service: Service, admin: Administration, callers: Callers) -> list[BaseRoute]:
    """``/rest/...``, ``/openapi.json`` and ``/docs``; registers REST's part with the catalog."""
    service.catalog.register("rest", partial(build_part, limits=service.limits))
    rest = RestApp(service, admin, callers)
    return [
        Route("/rest", rest),
        Route("/rest/{path:path}", rest),
        Route("/openapi.json", rest),
        *docs_routes(),
    ]


class RestApp:
    """The ASGI application behind every REST address.

    Every error becomes its answer here, and nothing is looked at before the
    caller's key: whoever has none learns nothing about what exists.
    """

    def __init__(self, service: Service, admin: Administration, callers: Callers) -> None:
        self._service = service
        self._admin = admin
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(scope, receive)
        except DuetError as error:
            response = error_response(error)
        except ClientDisconnect:
            return
        except Exception as error:
            response = masked_response(error, _request_id(scope))
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        principal = await self._callers.caller_of(scope)
        generation = await self._service.catalog.generation(principal)
        part = generation.parts["rest"]
        call = Call(scope, receive, self._service, self._admin, principal, part)
        call.segments, asked = asked_format(segments_of(scope), call.part.schema)
        call.form = asked or JSON
        check_accept(call.headers.get(b"accept"), call.form)
        resource = resource_of(call.segments) if asked is None else formatted_of(call.segments)
        handler = resource.get(call.method)
        if handler is None:
            raise MethodNotAllowed(call.method, *_allowed(resource))
        self._service.admit(call.method, tuple(call.segments), principal)
        answer = await (explained(call, handler) if asks_why(call) else handler(call))
        return await rendered(answer, call.form, call.segments[-1])


def segments_of(scope: Scope) -> list[str]:
    """The decoded parts of the path below ``/rest``; a slash at the end is ignored.

    It is split before it is decoded, so that an id may contain ``%2F``.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0].decode("latin-1").removeprefix(scope.get("root_path", ""))
    segments = path.split("/")[1:]
    if segments and not segments[-1]:
        segments.pop()
    if segments == ["openapi.json"]:
        return ["_openapi.json"]
    return [unquote(each) if "%" in each else each for each in segments[1:]]


def resource_of(segments: list[str]) -> Resource:
    """What the path names; raises ``NotFound`` when it can name nothing."""
    match segments:
        case [""] | []:
            pass
        case ["_meta"]:
            return DATABASE_META
        case ["_meta", "infer"]:
            return DATABASE_INFER
        case ["_meta", "changes", _]:
            return DATABASE_CHANGE
        case ["_audit"]:
            return AUDIT
        case ["_keys"]:
            return KEYS
        case ["_keys", _]:
            return KEY
        case ["_keys", _, "reset"]:
            return KEY_RESET
        case ["_swagger.json"]:
            return SWAGGER
        case ["_openapi.json"]:
            return OPENAPI
        case [_]:
            return COLLECTION
        case [_, "_meta"]:
            return COLLECTION_META
        case [_, "_meta", "infer"]:
            return COLLECTION_INFER
        case [_, "*"]:
            return EVERY_DOCUMENT
        case [_, _]:
            return DOCUMENT
        case [_, _, _]:
            return CHILD_LIST
        case [_, _, _, _]:
            return CHILD
    raise NotFound(
        "There is nothing at this address.",
        hint="Documents are at /rest/<collection>/<id>; GET /rest/_meta lists the collections.",
    )


def formatted_of(segments: list[str]) -> Resource:
    """What a path with a suffix names, without it: it is that of a list."""
    return FORMATTED_COLLECTION if len(segments) == 1 else FORMATTED_CHILD_LIST


def _allowed(resource: Resource) -> tuple[str, ...]:
    return (*resource, "HEAD") if "GET" in resource else tuple(resource)


def _request_id(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", "unknown"))
