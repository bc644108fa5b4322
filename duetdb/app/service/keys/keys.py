"""Who holds a key that was presented."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

import structlog
from pymongo.errors import DuplicateKeyError

from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, Unauthenticated
from duetdb.app.service.keys.hashes import (
    FULL_LENGTH,
    PREFIX_LENGTH,
    WEB_LENGTH,
    Hashes,
    new_key,
    plain_hash,
)
from duetdb.app.service.keys.records import COLLECTION, FULL, principal_id, web_key_of
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.lately import Lately, primary
from duetdb.app.service.principal import FULL_ACCESS, Principal
from duetdb.schema_gen.system import USERS

_FORM: Final = re.compile(f"[0-9a-f]{{{WEB_LENGTH}}}|[0-9a-f]{{{FULL_LENGTH}}}")
_SAME_PREFIX: Final = 100
"""Keys that are looked at for one prefix; of a million keys, hardly any two share theirs."""
_MOST_HOLDERS: Final = 10_000

_log = structlog.get_logger(__name__)


class _Presented(NamedTuple):
    """A key as it is looked for; the key itself is kept nowhere."""

    prefix: str
    hash: str
    plain: str


@dataclass(frozen=True, slots=True)
class _Holder:
    """``expires`` is when the key stops to count, None for never."""

    principal: Principal
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of the stored full-access key: not the key itself."""

    prefix: str
    created: datetime


class Keys:
    """Verifies what callers present against the keys of the database.

    A full-access key that the operator gives is the only one that counts, and is
    never stored. Otherwise one is made at the first start of any process;
    ``generated`` then holds it, this once, for the process that made it.

    What was read of a key is trusted for half a second, and so is that there is
    no such key: a key that is revoked, changed or reset by any process is so
    everywhere within a second, and nothing needs to be told for it.
    """

    def __init__(
        self,
        engine: Engine,
        configured: str | None = None,
        pepper: str | None = None,
        users: str = USERS,
    ) -> None:
        self._users = users
        self.is_configured = bool(configured)
        self.generated: str | None = None
        self.hashes = Hashes(engine, pepper)
        self._configured = configured or ""
        self._stored = primary(engine, COLLECTION)
        self.forget()
        self._holders: dict[str, tuple[WebKey, _Holder]] = {}

    @cached_property
    def _configured_hash(self) -> str:
        return self.hashes.of(self._configured)

    async def start(self) -> None:
        """Makes the full-access key if the database has none; safe in many processes at once."""
        await self.hashes.prepare()
        await self._stored.create_index("prefix", name="prefix")
        if self.is_configured or await self.describe() is not None:
            return
        key = new_key(FULL_LENGTH)
        try:
            await self._stored.insert_one(self._full_record(key))
            self.generated = key
        except DuplicateKeyError:
            pass  # Another process was faster, and prints its own.

    async def describe(self) -> KeyRecord | None:
        """The stored full-access key, None if there is none yet."""
        found = await self._stored.find_one({"_id": FULL})
        return None if found is None else KeyRecord(found["prefix"], found["created"])

    async def reset(self) -> str:
        """Replaces the stored full-access key; the answer is the new one, shown this once."""
        await self.hashes.prepare()
        key = new_key(FULL_LENGTH)
        with translate_driver_errors():
            await self._stored.replace_one({"_id": FULL}, self._full_record(key), upsert=True)
        self.forget()
        return key

    def forget(self) -> None:
        """What has changed here holds in this process at once."""
        self._lately: Lately[_Presented, _Holder | None] = Lately(self._read)

    async def authenticate(self, presented: str | None) -> Principal:
        """The holder of the presented key.

        Raises ``Unauthenticated`` when nothing was presented and ``Forbidden``
        when what was presented is not a key of this database, or not any more
        (SPEC 2.5). An unknown key is as much work as a known one.
        """
        if not presented:
            raise Unauthenticated(
                "No key was presented.",
                hint="Send your key in the header x-apikey, or as the query parameter apikey.",
            )
        hashed = self.hashes.of(presented)
        if self.is_configured and hmac.compare_digest(hashed, self._configured_hash):
            return FULL_ACCESS
        holder = None
        if _FORM.fullmatch(presented):
            asked = _Presented(presented[:PREFIX_LENGTH], hashed, plain_hash(presented))
            holder = await self._lately.get(asked)
        if holder is None:
            raise Forbidden(
                "The key that was presented is not a key of this database.",
                hint="Check it: a key that was revoked or reset is none any more.",
            )
        if holder.expires is not None and holder.expires <= now():
            raise Forbidden(
                "The key that was presented has expired.",
                hint="The holder of the full-access key can extend it, or make another.",
            )
        return holder.principal

    async def _read(self, presented: _Presented) -> _Holder | None:
        with translate_driver_errors():
            found = await (
                self._stored.find({"prefix": presented.prefix})
                .limit(_SAME_PREFIX)
                .to_list(_SAME_PREFIX)
            )
            matching = [each for each in found if _is_hash_of(each, presented)]
            # Somebody who measures shall not learn from our silence that no key begins so.
            if not found:
                _is_hash_of({}, presented)
            if not matching:
                return None
            if "scheme" not in matching[0]:
                await self._upgrade(presented)
        return self._holder(matching[0])

    async def _upgrade(self, presented: _Presented) -> None:
        """Puts the keyed hash in place of the plain one; a reset in between wins."""
        await self._stored.update_one(
            {"_id": FULL, "hash": presented.plain},
            {"$set": {"hash": presented.hash, "scheme": "hmac-sha-256"}},
        )

    def _holder(self, record: Mapping[str, Any]) -> _Holder | None:
        if record["_id"] == FULL:
            return None if self.is_configured else _Holder(FULL_ACCESS)
        key = web_key_of(record)
        if key is None:
            _log.error("web_key_unreadable", id=str(record["_id"])[:100])
            return None
        known = self._holders.get(key.id)
        if known is not None and known[0] == key:
            return known[1]
        if len(self._holders) >= _MOST_HOLDERS:
            self._holders.clear()
        holder = _Holder(_principal_of(key, self._users), key.expires)
        self._holders[key.id] = key, holder
        return holder

    def _full_record(self, key: str) -> dict[str, Any]:
        return {"_id": FULL, **self.hashes.stored(key), "created": now()}


def _is_hash_of(record: Mapping[str, Any], presented: _Presented) -> bool:
    ours = presented.hash if "scheme" in record else presented.plain
    return hmac.compare_digest(str(record.get("hash", "")).encode(), ours.encode())


def _principal_of(key: WebKey, users: str) -> Principal:
    return Principal(
        name="api",
        id=principal_id(key.id),
        permissions=KeyPermissions(key, users),
        rate=key.rate,
        origins=key.origins,
    )
