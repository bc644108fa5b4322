"""What is answered where no interface answers: an address or a method that nobody has."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from duetdb.app.http.failures import refusal
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import DuetError

_ANSWERS = {
    404: (
        "NotFound",
        "There is nothing at this address.",
        "REST is below /rest, GraphQL at /graphql, and /docs describes both.",
    ),
    405: ("MethodNotAllowed", "This method is not possible here.", "See the header Allow."),
}


async def refused(_request: Request, error: Exception) -> Response:
    """The envelope of SPEC 18.2, as every other error has it."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    name, message, hint = _ANSWERS.get(status, (type(error).__name__, error.detail, None))
    body = {"name": name, "message": message, "status": status, **({"hint": hint} if hint else {})}
    return Response(
        dumps(body), status, error.headers, media_type="application/json; charset=utf-8"
    )


async def answered(request: Request, error: Exception) -> Response:
    """The answer to an error that a route of FastAPI raises."""
    assert isinstance(error, DuetError)
    answer = refusal(error, request.scope)
    headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
    return Response(answer.content, answer.status_code, headers)


async def left(_request: Request, error: Exception) -> Response:
    """The client went away in the middle of its request: nobody reads this."""
    assert isinstance(error, ClientDisconnect)
    return Response(status_code=400)
