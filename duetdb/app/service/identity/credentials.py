"""Where hashes of passwords are kept: apart from the users' records, which others may read."""

from __future__ import annotations

from typing import Any, Final

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.revocation import later
from duetdb.app.service.lately import primary

COLLECTION: Final = "_credentials"


class Credentials:
    """Hashes by the ids of the users' records.

    A password counts for the address whose owner chose it: whoever may write the address of a
    record has not shown to own the new one.
    """

    def __init__(self, engine: Engine) -> None:
        self._credentials = primary(engine, COLLECTION)

    async def find(self, user: Any, email: str) -> str | None:
        """The hash of a user's password; None without one, or without a user."""
        query = {"_id": {"$eq": user}, "email": {"$eq": email}}
        with translate_driver_errors():
            found = await self._credentials.find_one(query, {"hash": 1})
        return None if found is None or user is None else str(found["hash"])

    async def store(self, user: Any, email: str, hashed: str) -> None:
        """The user's password is this one from now on, at this address."""
        values = {"email": email, "hash": hashed, "changed": later(seconds=0)}
        with translate_driver_errors():
            await self._credentials.update_one({"_id": user}, {"$set": values}, upsert=True)

    async def replace(self, user: Any, old: str, hashed: str) -> bool:
        """The same, if the hash is still the old one; whether it was."""
        values = {"hash": hashed, "changed": later(seconds=0)}
        with translate_driver_errors():
            done = await self._credentials.update_one(
                {"_id": user, "hash": {"$eq": old}}, {"$set": values}
            )
        return bool(done.matched_count)
