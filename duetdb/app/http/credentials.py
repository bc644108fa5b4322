"""Who calls: what was presented, read and verified in one place for all interfaces."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qsl

from starlette.types import Scope

from duetdb.app.http.cors import note_origins, page_of
from duetdb.app.http.gate import address_of
from duetdb.app.service.audit import notes
from duetdb.app.service.errors import BadRequest, DuetError, Forbidden, Unauthenticated
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.origins import LOOPBACK, allows
from duetdb.app.service.principal import Principal

_MOST_PARAMETERS: Final = 1000
_LONGEST: Final = 16_384
"""Characters of a key or a token."""
_KEY_HEADERS: Final = (b"x-apikey", b"x-api-key")
"""The one that is documented, and the one that clients send as well."""
_BEARER: Final = "bearer "


class Tokens(Protocol):
    """Who verifies the tokens of users."""

    async def authenticate(self, bearer: str) -> Principal:
        """The user; raises ``Unauthenticated`` or ``Forbidden``."""
        ...


class Limiter(Protocol):
    """Who counts requests; both raise ``TooManyRequests``."""

    async def spend(self, address: str, principal: Principal) -> None: ...
    async def failed(self, address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Presented:
    """A key, a token, or both; None for what was not presented."""

    key: str | None = None
    token: str | None = None


class Callers:
    """Identifies callers; ``user_origins`` are those of the pages that may act as users.

    Without ``tokens`` there are no users, without ``limiter`` nothing is counted.
    """

    def __init__(
        self,
        keys: Keys,
        tokens: Tokens | None = None,
        limiter: Limiter | None = None,
        user_origins: Collection[str] = (LOOPBACK,),
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._limiter = limiter
        self._user_origins = user_origins

    async def caller_of(self, scope: Scope) -> Principal:
        """The verified caller of a request or a WebSocket.

        Where a key and a token are presented, both must be valid, and the caller
        is the key. Raises ``Unauthenticated`` when nothing was presented, or a
        token that cannot be verified; ``Forbidden`` when what was presented is
        not accepted, or not from a page of this origin; ``TooManyRequests``.
        """
        shown = presented(scope)
        address = address_of(scope)
        try:
            principal = await self._verified(shown)
        except (Unauthenticated, Forbidden):
            if self._limiter is not None and shown != Presented():
                await self._limiter.failed(address)
            raise
        notes.identified(principal.id)
        origins = self._user_origins if shown.key is None else principal.origins
        note_origins(scope, origins)
        page = page_of(scope)
        if page is not None and not allows(origins, page):
            raise Forbidden(
                "Pages of this origin may not use what was presented.",
                hint="Add the page's origin to the origins of the web key, or for users to the "
                "setting user_origins.",
            )
        if self._limiter is not None:
            await self._limiter.spend(address, principal)
        return principal

    async def confirm_key(self, scope: Scope) -> None:
        """Raises ``Forbidden`` if the key is not accepted any more, read from the database."""
        self._keys.forget()
        await self._keys.authenticate(presented(scope).key)

    async def is_full(self, scope: Scope) -> bool:
        """Whether the caller holds the full-access key."""
        try:
            return (await self.caller_of(scope)).full
        except DuetError:
            return False

    async def _verified(self, shown: Presented) -> Principal:
        user = None if shown.token is None else await self._user(shown.token)
        if user is not None and shown.key is None:
            return user
        return await self._keys.authenticate(shown.key)

    async def _user(self, token: str) -> Principal:
        if self._tokens is None:
            raise Unauthenticated(
                "This server cannot verify tokens: nobody has told it whose.",
                hint="Send a key in the header x-apikey.",
            )
        return await self._tokens.authenticate(token)


def presented(scope: Scope) -> Presented:
    """What stands in ``x-apikey`` or the parameter ``apikey``, and in ``authorization: Bearer``
    or the parameter ``jwt`` (SPEC 2.1).

    Raises ``Forbidden`` for what comes twice and differs, or is no credential by its form,
    ``Unauthenticated`` for what is empty: nothing is accepted by half.
    """
    keys: list[str] = []
    tokens: list[str] = []
    for name, value in scope["headers"]:
        if name in _KEY_HEADERS:
            keys.append(value.decode("latin-1"))
        elif name == b"authorization":
            text = value.decode("latin-1")
            if f"{text} "[: len(_BEARER)].lower() == _BEARER:
                tokens.append(text[len(_BEARER) :].strip())
    query: bytes = scope["query_string"]
    if b"apikey=" in query or b"jwt=" in query:
        for name, text in _parameters(query):
            if name == "apikey":
                keys.append(text)
            elif name == "jwt":
                tokens.append(text)
    return Presented(_only(keys, "key"), _only(tokens, "token"))


def _parameters(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=_MOST_PARAMETERS,
            encoding="latin-1",
        )
    except ValueError:
        raise BadRequest("More than 1,000 query parameters.", hint="Send fewer.") from None


def _only(values: list[str], what: str) -> str | None:
    if not values:
        return None
    if len({*values}) > 1:
        raise Forbidden(
            f"More than one {what} was presented.",
            hint="Send one, either in its header or as its query parameter.",
        )
    value = values[0]
    if not value:
        raise Unauthenticated(
            f"The {what} that was presented is empty.", hint="Send it, or leave it out."
        )
    if len(value) > _LONGEST or not value.isascii() or not value.isprintable() or _SPLIT & {*value}:
        raise Forbidden(f"What was presented is no {what}.", hint="Send it exactly as it was made.")
    return value


_SPLIT: Final = frozenset(", ")
"""What separates several values that a proxy has joined; no key or token has it."""
