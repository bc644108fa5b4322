"""Sessions: a refresh token that is good for one exchange, and what it is exchanged for."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import structlog

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import DuetError, TooManyRequests, Unauthenticated
from duetdb.app.service.identity.revocation import Revocations, instant, later
from duetdb.app.service.identity.token_form import read_token
from duetdb.app.service.lately import primary

COLLECTION: Final = "_sessions"

_log = structlog.get_logger(__name__)

_ID_HEX: Final = 32
_REFRESH: Final = re.compile(r"[0-9a-f]{64}")
_MOST_TOKENS: Final = 200
"""Tokens of one session that have not expired: all of them are remembered, to end with it."""
_SLACK_SECONDS: Final = 300
"""The longest that clocks may differ: so much later a token is refused for its age."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a client gets: a token for requests, and one to exchange when that has expired."""

    jwt: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Session:
    """A stored session: whose it is, and what its tokens are made from."""

    id: str
    owner: str
    grant: Mapping[str, Any]


class Sessions:
    """Begins, renews and ends sessions, in the database, for all workers.

    Half of a refresh token names its session, half is a secret that changes with
    each exchange; a hash of both is stored. Whoever comes with a secret of
    yesterday shows that a token is in two hands, and ends the session.
    """

    def __init__(self, engine: Engine, revocations: Revocations, days: int) -> None:
        self._engine = engine
        self._sessions = primary(engine, COLLECTION)
        self._revocations = revocations
        self._days = days

    async def start(self) -> None:
        if self._engine.in_memory:
            return
        await self._sessions.create_index("gone", name="gone", expireAfterSeconds=0)
        await self._sessions.create_index("owner", name="owner")
        await self._sessions.create_index("tokens.mark", name="mark")

    async def begin(
        self, owner: str, grant: Mapping[str, Any], jwt: str, confirm: Callable[[], Awaitable[None]]
    ) -> Pair:
        """A new session, whose first token is given.

        ``confirm`` raises if what it was begun with is not accepted any more. It is asked when
        the session is stored: who ended all sessions a moment ago has not seen this one.
        """
        session = secrets.token_hex(_ID_HEX // 2)
        refresh = _refresh(session)
        tokens = [_entry(jwt)]
        with translate_driver_errors():
            await self._sessions.insert_one(
                {
                    "_id": session,
                    "owner": owner,
                    "grant": dict(grant),
                    "hash": _hash(refresh),
                    "renewed": time.time(),
                    "tokens": tokens,
                    **self._ends(tokens),
                }
            )
        try:
            await confirm()
        except DuetError:
            await self.end_of(tokens[0]["mark"])
            raise
        return Pair(jwt, refresh)

    async def renew(self, refresh: str, issue: Callable[[Session], Awaitable[str]]) -> Pair:
        """Exchanges a refresh token, once; of several at the same time one succeeds.

        ``issue`` makes the new token, or raises if the session may not go on.
        Raises ``Unauthenticated`` for a token that is unknown, used or expired, and
        ``TooManyRequests``.
        """
        presented_at = time.time()
        found = await self._find(refresh)
        if not hmac.compare_digest(str(found["hash"]), _hash(refresh)):
            await self._refuse(found, presented_at)
        live = [each for each in found["tokens"] if each["until"] > later(seconds=0)]
        if len(live) >= _MOST_TOKENS:
            raise TooManyRequests("This session was renewed too often.", retry_after=60)
        jwt = await issue(Session(found["_id"], found["owner"], found["grant"]))
        fresh = _refresh(found["_id"])
        tokens = [*live, _entry(jwt)]
        change = {
            "hash": _hash(fresh),
            "renewed": time.time(),
            "tokens": tokens,
            **self._ends(tokens),
        }
        with translate_driver_errors():
            won = await self._sessions.find_one_and_update(
                {"_id": found["_id"], "hash": _hash(refresh)}, {"$set": change}, {"_id": 1}
            )
        if won is None:
            raise _refused()
        return Pair(jwt, fresh)

    async def end_of(self, mark: str) -> None:
        """Ends the session that a token belongs to, if it belongs to one."""
        with translate_driver_errors():
            ended = await self._sessions.find_one_and_delete({"tokens.mark": mark})
        if ended is not None:
            await self._revoke(ended)

    async def end_all(self, owner: str) -> None:
        """Ends every session of a user or a key."""
        live = {"owner": owner, "tokens.until": {"$gt": later(seconds=0)}}
        with translate_driver_errors():
            # None is renewed meanwhile.
            await self._sessions.update_many({"owner": owner}, {"$set": {"hash": ""}})
            while ended := await self._sessions.find_one_and_delete(live):
                await self._revoke(ended)
            await self._sessions.delete_many({"owner": owner})

    def _ends(self, tokens: list[dict[str, Any]]) -> dict[str, Any]:
        """Until when a session can be renewed, and until when it is known, to end its tokens."""
        expires = later(days=self._days)
        return {"expires": expires, "gone": max(expires, *(each["until"] for each in tokens))}

    async def _find(self, refresh: str) -> dict[str, Any]:
        if _REFRESH.fullmatch(refresh) is None:
            raise _refused()
        with translate_driver_errors():
            found: dict[str, Any] | None = await self._sessions.find_one(
                {"_id": refresh[:_ID_HEX], "expires": {"$gt": later(seconds=0)}}
            )
        if found is None:
            raise _refused()
        return found

    async def _refuse(self, found: dict[str, Any], presented_at: float) -> None:
        """A secret that is not the present one: too slow by a moment, or used a second time."""
        if presented_at > found["renewed"]:
            with translate_driver_errors():
                ended = await self._sessions.find_one_and_delete({"_id": found["_id"]})
            if ended is not None:
                _log.warning("refresh_token_reused", owner=ended["owner"])
                await self._revoke(ended)
        raise _refused()

    async def _revoke(self, ended: dict[str, Any]) -> None:
        """The tokens of a session do not outlive it."""
        for entry in ended["tokens"]:
            if entry["until"] > later(seconds=0):
                await self._revocations.add(entry["mark"], entry["until"])


def _refresh(session: str) -> str:
    return session + secrets.token_hex(_ID_HEX // 2)


def _hash(refresh: str) -> str:
    return sha256(refresh.encode()).hexdigest()


def _entry(jwt: str) -> dict[str, Any]:
    token = read_token(jwt)
    return {"mark": token.mark, "until": instant(token.expires + _SLACK_SECONDS)}


def _refused() -> Unauthenticated:
    return Unauthenticated("The refresh token is not valid.", hint="Log in again.")
