"""One REST request, with what its handler may ask of it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope

from duetdb.app.http.bodies import parse_form, parse_json, read_body
from duetdb.app.service.administration import Administration
from duetdb.app.service.errors import BadRequest, NotFound
from duetdb.app.service.principal import Principal, require_full
from duetdb.app.service.service import Service
from duetdb.rest.formats import JSON, Format
from duetdb.rest.params import Params
from duetdb.rest.plans import Plan, RestPart
from duetdb.schema_gen.model import Collection

_OVERRIDES = ("PUT", "PATCH", "DELETE")


class Call:
    """A request and the one schema generation on which it begins and ends."""

    __slots__ = (
        "_params",
        "admin",
        "form",
        "headers",
        "method",
        "part",
        "principal",
        "receive",
        "scope",
        "segments",
        "service",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        service: Service,
        admin: Administration,
        principal: Principal,
        part: RestPart,
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.service = service
        self.admin = admin
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.method = self._method()
        self.segments: list[str] = []
        self.form: Format = JSON
        self.part = part
        self.principal = principal
        self._params: Params | None = None

    @property
    def params(self) -> Params:
        if self._params is None:
            self._params = Params(self.scope["query_string"])
        return self._params

    def plan(self, name: str | None = None) -> Plan:
        """The collection of that name, or the one that the path begins with.

        Raises ``NotFound`` with a near name, or ``Quarantined``; and ``Forbidden``
        where the caller's rights end, whether or not there is one.
        """
        name = self.segments[0] if name is None else name
        plan = self.part.plans.get(name)
        if plan is None:
            require_full(self.principal)
            self.service.catalog.collection(name)
            raise NotFound(f"There is no collection {name!r}.", hint="Try again in a moment.")
        return plan

    def above(self) -> Collection:
        """The collection of the parent in the path of a child list.

        A caller may have rights in the list alone; then it is not more than a name
        in the address. Raises as ``plan`` does.
        """
        name = self.segments[0]
        plan = self.part.plans.get(name)
        if plan is None and not self.principal.full:
            hidden = self.service.catalog.schema.collections.get(name)
            if hidden is not None:
                return hidden
        return self.plan().collection

    async def raw_body(self) -> bytes:
        request = Request(self.scope, self.receive)
        return await read_body(request, self.service.limits.body_bytes)

    async def body(self) -> Any:
        """The parsed body, None when there is none.

        JSON whatever its content type says, or a form (SPEC 5). A form that is
        JSON text is read as that: it is what a bare ``curl -d`` sends.
        """
        raw = await self.raw_body()
        if not raw.strip():
            return None
        kind = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind == b"application/x-www-form-urlencoded":
            form = _json_or_form(raw)
            if isinstance(form, dict):
                form.pop("apikey", None)  # a client that repeats its key must not publish it
            return form
        if kind == b"multipart/form-data":
            raise BadRequest(
                "A document cannot be sent as multipart/form-data.",
                hint="Send JSON, or application/x-www-form-urlencoded.",
            )
        return parse_json(raw)

    async def object_body(self) -> dict[str, Any]:
        """The parsed body; raises ``BadRequest`` unless it is an object."""
        body = await self.body()
        if isinstance(body, dict):
            return body
        raise BadRequest(
            "The body must be a JSON object.", hint='Send the properties to set: {"name":"Ann"}.'
        )

    def _method(self) -> str:
        method: str = self.scope["method"]
        if method == "HEAD":
            return "GET"
        override = self.headers.get(b"x-http-method-override")
        if override is None or method != "POST":
            return method
        wanted = override.decode("latin-1").strip().upper()
        if wanted in _OVERRIDES or wanted == "POST":
            return wanted
        raise BadRequest(
            f"X-HTTP-Method-Override cannot be {wanted!r}.",
            hint=f"On a POST it may be one of {', '.join(_OVERRIDES)}.",
        )


def _json_or_form(raw: bytes) -> Any:
    if raw.lstrip()[:1] in (b"{", b"["):
        try:
            return parse_json(raw)
        except BadRequest:
            pass
    return parse_form(raw)
