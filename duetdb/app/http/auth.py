"""``/auth/...``: tokens for users and for keys, sessions, and passwords (SPEC 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from duetdb.app.http import auth_bodies as bodies
from duetdb.app.http.auth_bodies import body_of
from duetdb.app.http.cors import page_of
from duetdb.app.http.credentials import Callers, presented
from duetdb.app.http.gate import address_of
from duetdb.app.http.proxies import is_this_machine
from duetdb.app.http.rate import group_of
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import (
    BadRequest,
    Forbidden,
    Unauthenticated,
)
from duetdb.app.service.identity.accounts import Accounts
from duetdb.app.service.identity.identity import Identity
from duetdb.app.service.identity.minting import may_mint
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.sessions import Pair
from duetdb.app.service.identity.tokens import User
from duetdb.app.service.origins import allows
from duetdb.app.service.principal import Principal, refusal, require_full

_DONE: Final[Mapping[str, Any]] = {"result": "ok"}
_HEADERS: Final = {"cache-control": "no-store", "content-type": "application/json; charset=utf-8"}

MintInput = Annotated[bodies.MintBody, Depends(body_of(bodies.MintBody))]
RefreshInput = Annotated[bodies.RefreshBody, Depends(body_of(bodies.RefreshBody))]
SecretInput = Annotated[bodies.SecretBody, Depends(body_of(bodies.SecretBody))]
LoginInput = Annotated[bodies.LoginBody, Depends(body_of(bodies.LoginBody))]
RegisterInput = Annotated[bodies.RegisterBody, Depends(body_of(bodies.RegisterBody))]
VerifyInput = Annotated[bodies.VerifyBody, Depends(body_of(bodies.VerifyBody))]
AskResetInput = Annotated[bodies.AskResetBody, Depends(body_of(bodies.AskResetBody))]
ResetInput = Annotated[bodies.ResetBody, Depends(body_of(bodies.ResetBody))]
PasswordInput = Annotated[bodies.PasswordBody, Depends(body_of(bodies.PasswordBody))]


def auth_router(
    identity: Identity, callers: Callers, options: IdentityOptions, origins: Collection[str]
) -> APIRouter:
    """The routes that the options ask for; ``origins`` are those of users' pages."""
    doors = Doors(identity, callers, origins)
    tokens = TokenRoutes(identity, callers, doors)
    routes: list[tuple[str, str, Callable[..., Any]]] = [
        ("POST", "/jwt", tokens.mint),
        ("GET", "/userinfo", tokens.userinfo),
        ("POST", "/logout", tokens.log_out),
        ("POST", "/token", tokens.renew),
        ("GET", "/secrets", tokens.list_secrets),
        ("PUT", "/secrets/{name}", tokens.store_secret),
        ("DELETE", "/secrets/{name}", tokens.remove_secret),
    ]
    passwords = PasswordRoutes(identity.accounts, doors)
    if options.passwords:
        routes += [
            ("POST", "/login", passwords.log_in),
            ("POST", "/verify", passwords.verify),
            ("POST", "/reset", passwords.ask_reset),
            ("POST", "/reset/confirm", passwords.reset),
            ("POST", "/password", passwords.change),
        ]
    if options.registration:
        routes.append(("POST", "/register", passwords.register))
    router = APIRouter(prefix="/auth")
    for method, path, endpoint in routes:
        router.add_api_route(path, endpoint, methods=[method], response_model=None)
    return router


class Doors:
    """Who comes in: a user with a token, or anybody who is about to become one."""

    def __init__(self, identity: Identity, callers: Callers, origins: Collection[str]) -> None:
        self._identity = identity
        self._callers = callers
        self._origins = origins

    async def user(self, request: Request) -> User:
        """The user whose token was presented; errors as those of ``Callers.caller_of``."""
        await self._callers.caller_of(request.scope)
        token = presented(request.scope).token
        if token is None:
            raise Unauthenticated(
                "No token was presented.", hint="Send it in the header authorization: Bearer."
            )
        return await self._identity.tokens.user_of(token)

    def visitor(self, request: Request) -> str:
        """The network address of a caller who presents nothing yet; empty for this machine.

        A proxy on this machine that is not trusted stands for all its clients, and
        one of them must not lock out the others. Raises ``Forbidden`` for pages of
        origins that no user's page may have.
        """
        page = page_of(request.scope)
        if page is not None and not allows(self._origins, page):
            raise Forbidden(
                "Users cannot log in from pages of this origin.",
                hint="Add the page's origin to the setting user_origins.",
            )
        address = address_of(request.scope)
        return "" if is_this_machine(address) else group_of(address)


class TokenRoutes:
    """Tokens, and the secrets that they are signed with."""

    def __init__(self, identity: Identity, callers: Callers, doors: Doors) -> None:
        self._identity = identity
        self._callers = callers
        self._doors = doors

    async def mint(self, request: Request, body: MintInput) -> Response:
        principal = await self._callers.caller_of(request.scope)
        if not may_mint(principal):
            raise refusal(principal)
        confirm = partial(self._callers.confirm_key, request.scope)
        return _pair(await self._identity.minting.mint(body.mint(), principal, confirm))

    async def userinfo(self, request: Request) -> Response:
        return _json(self._identity.info(await self._doors.user(request)))

    async def log_out(self, request: Request) -> Response:
        await self._identity.log_out(await self._doors.user(request))
        return _json(_DONE)

    async def renew(self, request: Request, body: RefreshInput) -> Response:
        if (body.refresh is None) == (body.code is None):
            raise BadRequest("Send the refresh token as refresh, or as code.")
        principal = await self._key_of(request)
        if principal is None:
            self._doors.visitor(request)
        return _pair(await self._identity.renew(body.refresh or body.code or "", principal))

    async def list_secrets(self, request: Request) -> Response:
        require_full(await self._callers.caller_of(request.scope))
        return _json(await self._identity.secrets.names())

    async def store_secret(self, request: Request, name: str, body: SecretInput) -> Response:
        require_full(await self._callers.caller_of(request.scope))
        await self._identity.secrets.store(name, body.value)
        return _json(_DONE)

    async def remove_secret(self, request: Request, name: str) -> Response:
        require_full(await self._callers.caller_of(request.scope))
        await self._identity.secrets.remove(name)
        return _json(_DONE)

    async def _key_of(self, request: Request) -> Principal | None:
        """The key that was presented, if one was; the token beside it may have expired."""
        kept = [each for each in request.scope["headers"] if each[0] != b"authorization"]
        scope = {**request.scope, "headers": kept}
        return None if presented(scope).key is None else await self._callers.caller_of(scope)


class PasswordRoutes:
    """What users with a password can do."""

    def __init__(self, accounts: Accounts, doors: Doors) -> None:
        self._accounts = accounts
        self._doors = doors

    async def log_in(self, request: Request, body: LoginInput) -> Response:
        address = self._doors.visitor(request)
        return _pair(await self._accounts.log_in(body.email, body.password, address))

    async def register(self, request: Request, body: RegisterInput) -> Response:
        address = self._doors.visitor(request)
        await self._accounts.register(body.email, body.password, body.profile(), address)
        return _json(_DONE)

    async def verify(self, request: Request, body: VerifyInput) -> Response:
        self._doors.visitor(request)
        await self._accounts.verify(body.token)
        return _json(_DONE)

    async def ask_reset(self, request: Request, body: AskResetInput) -> Response:
        address = self._doors.visitor(request)
        await self._accounts.ask_reset(body.email, address)
        return _json(_DONE)

    async def reset(self, request: Request, body: ResetInput) -> Response:
        self._doors.visitor(request)
        await self._accounts.reset(body.token, body.password)
        return _json(_DONE)

    async def change(self, request: Request, body: PasswordInput) -> Response:
        user = await self._doors.user(request)
        return _pair(await self._accounts.change(user, body.password, body.new_password))


def _pair(pair: Pair) -> Response:
    return _json({"jwt": pair.jwt, "refresh": pair.refresh})


def _json(body: Any) -> Response:
    return Response(dumps(body), headers=_HEADERS)
