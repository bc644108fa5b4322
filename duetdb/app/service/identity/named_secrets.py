"""The secrets that /auth/jwt signs with, each under a name of the operator's (SPEC 3.4)."""

from __future__ import annotations

import re
from typing import Any, Final

from duetdb.app.service.audit import notes
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadRequest, NotFound
from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.identity.revocation import later
from duetdb.app.service.lately import primary

COLLECTION: Final = "_settings"
CONFIGURED: Final = "jwt_secret"
"""The name of the secret in the server's own settings, by which its users are verified."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}")
_LONGEST: Final = 16_384


class NamedSecrets:
    """Secrets by dotted names, such as ``google.private_key``; they go in and never come out."""

    def __init__(self, engine: Engine, options: IdentityOptions) -> None:
        self._settings = primary(engine, COLLECTION)
        self._options = options

    async def find(self, name: str) -> str | None:
        """The secret of that name; None without one."""
        if name == CONFIGURED:
            return self._options.jwt_secret
        if _NAME.fullmatch(name) is None:
            return None
        with translate_driver_errors():
            found = await self._settings.find_one({"_id": name})
        return None if found is None else str(found["value"])

    async def names(self) -> list[dict[str, Any]]:
        """The names of the stored secrets, and when each was set."""
        with translate_driver_errors():
            found = await self._settings.find({}, {"value": 0}).sort("_id", 1).to_list(None)
        return [{"name": each["_id"], "changed": each["changed"]} for each in found]

    async def store(self, name: str, value: str) -> None:
        """Sets a secret; raises ``BadRequest`` for a name or a value that cannot be one."""
        if _NAME.fullmatch(name) is None or name == CONFIGURED:
            raise BadRequest(
                f"A secret cannot have the name {name[:100]!r}.",
                hint="Use letters, digits, - and _, and dots between names: google.private_key.",
            )
        if not value or len(value) > _LONGEST:
            raise BadRequest(f"A secret has from 1 to {_LONGEST:,} characters.")
        values = {"value": value, "changed": later(seconds=0)}
        with translate_driver_errors():
            await self._settings.update_one({"_id": name}, {"$set": values}, upsert=True)
        notes.acted("secrets.store", name)

    async def remove(self, name: str) -> None:
        """Forgets a secret; raises ``NotFound``."""
        with translate_driver_errors():
            gone = await self._settings.delete_one({"_id": name})
        if not gone.deleted_count:
            raise NotFound(f"There is no secret {name[:100]!r}.")
        notes.acted("secrets.remove", name)
