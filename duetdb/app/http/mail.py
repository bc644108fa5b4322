"""``POST /mail``, and ``/mail/unsubscribe`` for the links in mails (SPEC 12)."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from duetdb.app.http.bodies import parse_form, parse_json, read_body
from duetdb.app.http.credentials import Callers
from duetdb.app.http.failures import UnsupportedMediaType
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import BadRequest, Forbidden
from duetdb.app.service.mail.outbox import WARNING, Outbox

_FORM: Final = "application/x-www-form-urlencoded"
_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title></head>
<body><h1>Unsubscribe</h1>{}</body></html>
"""
_ASK: Final = (
    '<p>Shall {} get no more mail from here?</p><form method="post">'
    "<button>Unsubscribe</button></form>"
)


def mail_routes(outbox: Outbox, callers: Callers, body_bytes: int) -> list[BaseRoute]:
    """The routes; a body has at most ``body_bytes``."""

    async def post(request: Request) -> JsonBytes:
        principal = await callers.caller_of(request.scope)
        outbox.admit(principal)  # before anything is said of the body
        ids = await outbox.send(_parsed(request, await read_body(request, body_bytes)), principal)
        answer: dict[str, Any] = {"result": [{"email_outbound_id": str(each)} for each in ids]}
        if not outbox.sends:
            answer["warning"] = WARNING
        return JsonBytes(dumps(answer), 201)

    async def unsubscribe(request: Request) -> Response:
        address, token = _link(request)
        try:
            outbox.unsubscribes.check(address, token)
        except Forbidden as error:
            return _page(f"<p>{escape(error.message)}</p>", 403)
        if request.method != "POST":  # what opens links beforehand must not unsubscribe
            return _page(_ASK.format(escape(address)))
        await outbox.unsubscribes.add(address)
        return _page(f"<p>{escape(address)} gets no more mail from here.</p>")

    return [
        Route("/mail", post, methods=["POST"]),
        Route("/mail/unsubscribe", unsubscribe, methods=["GET", "POST"]),
    ]


def _parsed(request: Request, raw: bytes) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return parse_form(raw)
    if kind not in ("", "application/json"):
        raise UnsupportedMediaType(
            f"Bodies of type {kind[:100]} are not read here.", hint="Send application/json."
        )
    if not raw.strip():
        raise BadRequest("The body is empty.", hint="Send a mail as a JSON object.")
    return parse_json(raw)


def _link(request: Request) -> tuple[str, str]:
    query = request.query_params
    return query.get("to", ""), query.get("token", "")


def _page(content: str, status: int = 200) -> Response:
    return Response(
        _PAGE.format(content),
        status,
        {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"},
    )
