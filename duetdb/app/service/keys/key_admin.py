"""Making, changing and revoking keys, which the holder of the full-access key may do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol

from duetdb.app.service.audit import notes
from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadRequest, NotFound
from duetdb.app.service.keys.hashes import WEB_LENGTH, new_key
from duetdb.app.service.keys.key_body import DEFAULTS, rights_of
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.keys.records import COLLECTION, FULL, principal_id, shown
from duetdb.app.service.lately import primary
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal, require_full

_ID_BYTES: Final = 8
_WEB: Final[Mapping[str, Any]] = {"_id": {"$ne": FULL}}


class Sessions(Protocol):
    """Who knows the tokens that keys have made."""

    async def end_all(self, owner: str) -> None:
        """The tokens of this principal are refused from now on."""
        ...


class KeyAdmin:
    """Every method needs a full principal and raises ``Unauthenticated`` or ``Forbidden``.

    What changes holds on this worker at once and on every other within a second.
    """

    def __init__(self, engine: Engine, keys: Keys, sessions: Sessions, limits: Limits) -> None:
        self._keys = keys
        self._sessions = sessions
        self._limits = limits
        self._stored = primary(engine, COLLECTION)

    async def create(self, body: Any, principal: Principal) -> dict[str, Any]:
        """A new web key: what ``get`` tells of it, and this once the ``key`` itself.

        Raises ``BadRequest`` and ``ValidationFailed`` as ``rights_of``.
        """
        require_full(principal)
        key = new_key(WEB_LENGTH)
        instant = now()
        record = {
            "_id": secrets.token_hex(_ID_BYTES),
            **self._keys.hashes.stored(key),
            **DEFAULTS,
            **rights_of(body, self._limits),
            "created": instant,
            "changed": instant,
        }
        with translate_driver_errors():
            await self._stored.insert_one(record)
        notes.acted("keys.create", record["_id"])
        return {**shown(record), "key": key}

    async def page(
        self, principal: Principal, skip: int = 0, most: int = 0
    ) -> list[dict[str, Any]]:
        """What is known of the web keys, the oldest first; with ``most`` 0 of all of them."""
        require_full(principal)
        found = self._stored.find(_WEB).sort([("created", 1), ("_id", 1)]).skip(skip).limit(most)
        with translate_driver_errors():
            return [shown(each) for each in await found.to_list()]

    async def get(self, id_: str, principal: Principal) -> dict[str, Any]:
        """What is known of one web key; raises ``NotFound``."""
        require_full(principal)
        with translate_driver_errors():
            found = await self._stored.find_one({"_id": _web(id_)})
        return shown(_found(found, id_))

    async def update(self, id_: str, body: Any, principal: Principal) -> dict[str, Any]:
        """Changes what the body names, null being the default; raises also ``NotFound``."""
        require_full(principal)
        changes = {**rights_of(body, self._limits), "changed": now()}
        with translate_driver_errors():
            found = await self._stored.find_one_and_update(
                {"_id": _web(id_)}, {"$set": changes}, return_document=True
            )
        self._keys.forget()
        told = shown(_found(found, id_))
        notes.acted("keys.update", id_)
        return told

    async def revoke(self, id_: str, principal: Principal) -> None:
        """Nobody gets in by this key any more, nor by a token that it made; raises ``NotFound``."""
        require_full(principal)
        if id_ == FULL:
            raise BadRequest(
                "The full-access key cannot be revoked.", hint="Reset it: that makes a new one."
            )
        with translate_driver_errors():
            found = await self._stored.find_one_and_delete({"_id": id_})
        self._keys.forget()
        _found(found, id_)
        notes.acted("keys.revoke", id_)
        await self._sessions.end_all(principal_id(id_))

    async def reset(self, id_: str, principal: Principal) -> dict[str, Any]:
        """Puts a new key in place of one, with the same rights; the answer is as ``create``'s.

        Tokens that the old one made are refused.

        ``full`` is the id of the full-access key. Raises ``NotFound``, and
        ``BadRequest`` where the operator's settings say which that is.
        """
        require_full(principal)
        if id_ == FULL:
            if self._keys.is_configured:
                raise BadRequest(
                    "The setting api_key says which the full-access key is.",
                    hint="Change it there, and start the server again.",
                )
            made = {"_id": FULL, "key": await self._keys.reset()}
            notes.acted("keys.reset", FULL)
            await self._sessions.end_all(principal_id(FULL))
            return made
        key = new_key(WEB_LENGTH)
        changes = {**self._keys.hashes.stored(key), "changed": now()}
        with translate_driver_errors():
            found = await self._stored.find_one_and_update(
                {"_id": id_}, {"$set": changes}, return_document=True
            )
        self._keys.forget()
        told = shown(_found(found, id_))
        notes.acted("keys.reset", id_)
        await self._sessions.end_all(principal_id(id_))
        return {**told, "key": key}


def _web(id_: str) -> str:
    """The id of a web key; there is none by that of the full-access key."""
    if id_ == FULL:
        raise _unknown(id_)
    return id_


def _found(record: Mapping[str, Any] | None, id_: str) -> Mapping[str, Any]:
    if record is None:
        raise _unknown(id_)
    return record


def _unknown(id_: str) -> NotFound:
    return NotFound(f"There is no web key {id_[:60]!r}.", hint="GET /rest/_keys lists them.")
