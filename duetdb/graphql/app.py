"""``/graphql`` over HTTP, as the GraphQL-over-HTTP specification says, and what is below it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from duetdb.app.http.credentials import Callers
from duetdb.app.http.failures import MethodNotAllowed
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.app.service.mail.outbox import Outbox
from duetdb.app.service.principal import Principal
from duetdb.app.service.registered import RegisteredOperations
from duetdb.app.service.service import Service
from duetdb.graphql.answers import answered, failure
from duetdb.graphql.errors import refused_text, service_entry
from duetdb.graphql.execute import Answer, execute
from duetdb.graphql.media_types import (
    MediaType,
    accepted,
    answer_type,
    not_acceptable,
    prefers_html,
)
from duetdb.graphql.operations import Refused
from duetdb.graphql.persisted import PersistedTexts
from duetdb.graphql.playground import playground_page, playground_routes
from duetdb.graphql.registry import RegistryApp
from duetdb.graphql.request import read_request
from duetdb.graphql.schema import GraphQLPart, build_part
from duetdb.graphql.telling import Introspection


def graphql_routes(
    service: Service,
    callers: Callers,
    keys: KeyAdmin,
    outbox: Outbox,
    *,
    playground: bool,
    introspection: Introspection,
    persisted_only: bool,
    public_url: str | None,
) -> list[BaseRoute]:
    """``/graphql``; registers GraphQL's part with the catalog.

    With ``playground`` a browser that opens the address gets a page to ask from;
    ``introspection`` says who is told what the schema has, and ``persisted_only``
    whether callers without the full-access key ask by registered texts alone. The
    addresses of media begin with ``public_url``; without one they begin with the
    path, so that no answer repeats what a request says of its host.
    """
    builder = partial(
        build_part,
        limits=service.limits,
        introspection=introspection,
        keys=keys,
        outbox=outbox,
        media_url=f"{(public_url or '').rstrip('/')}/media/",
    )
    service.catalog.register("graphql", builder)
    registered = RegisteredOperations(service.engine, service.limits)
    texts = PersistedTexts(registered, persisted_only)
    endpoint = GraphQLApp(service, callers, texts, playground_page() if playground else None)
    assets = playground_routes() if playground else []
    registry = RegistryApp(registered, callers, service.limits)
    return [
        Route("/graphql", endpoint),
        Route("/graphql/", endpoint),
        Route("/graphql/operations", registry),
        Route("/graphql/operations/{hash}", registry),
        *assets,
    ]


class GraphQLApp:
    """The ASGI application that answers operations; every error becomes its answer here."""

    def __init__(
        self, service: Service, callers: Callers, texts: PersistedTexts, page: ASGIApp | None
    ) -> None:
        self._service = service
        self._callers = callers
        self._texts = texts
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        accept = accepted(scope["headers"])
        if self._page is not None and _wants_page(scope, accept):
            await self._page(scope, receive, send)
            return
        kind = answer_type(accept)
        request_id = str(scope.get("state", {}).get("request_id", "unknown"))
        try:
            response = await self._answer(scope, headers, receive, kind, request_id)
        except ClientDisconnect:
            return
        except Exception as error:
            response = failure(error, kind or MediaType.JSON, request_id)
        await response(scope, receive, send)

    async def _answer(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        kind: MediaType | None,
        request_id: str,
    ) -> JsonBytes:
        principal = await self._callers.caller_of(scope)
        if kind is None:
            raise not_acceptable()
        most_bytes = self._service.limits.body_bytes
        request = await read_request(scope, headers, receive, most_bytes)
        # One generation for the whole operation, whatever is swapped in meanwhile.
        generation = await self._service.catalog.generation(principal)
        part: GraphQLPart = generation.parts["graphql"]
        try:
            text = await self._texts.text_of(request, principal)
            operation = await part.operations.find(text, request.operation_name)
        except Refused as refused:
            return answered({"errors": refused_text(refused.errors, part.schema)}, kind)
        except LimitExceeded as error:
            return answered({"errors": [service_entry(error, request_id)]}, kind)
        if scope["method"] != "POST" and operation.is_mutation:
            raise MethodNotAllowed("A mutation by GET", "POST")
        answer = partial(
            execute, operation, request.variables, part, self._service, principal, request_id
        )
        return answered(
            await (self._explained(answer, principal) if request.explain else answer()), kind
        )

    async def _explained(self, answer: Callable[[], Awaitable[Answer]], who: Principal) -> Answer:
        """The answer, and beside it how the database answered each read that it took."""
        with self._service.explaining(who) as notes:
            found = await answer()
        return {**found, "extensions": {"explain": notes}}


def _wants_page(scope: Scope, accept: bytes) -> bool:
    return (
        scope["method"] in ("GET", "HEAD")
        and b"query=" not in scope["query_string"]
        and prefers_html(accept)
    )
