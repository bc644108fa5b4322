"""The mails that are to be sent, in ``_mail_queue``: stored with their copies, claimed and done.

A claim puts a mail's time off by the length of a lease and marks it with a token
of its own. Whoever neither finishes within the lease nor extends it has lost the mail
to the next who asks, and what the former then says of it does not count, for its token
is not there any more. Nothing has to be cleaned up after a process that was killed: what it
did not finish of a mail, even of noting that it was sent, falls to the next who claims it.
Times are those of the database's clock, for the clocks of workers differ.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from pymongo import ReturnDocument, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError

from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict
from duetdb.app.service.lately import primary
from duetdb.app.service.query import Document

COLLECTION: Final = "_mail_queue"
OUTBOUND: Final = "email_outbound"
_DEAD_DAYS: Final = 30
_DEAD: Final = {"dead": True, "expires": {"$gt": datetime(1970, 1, 1)}}
_CHUNK: Final = 1000

Message = dict[str, Any]
"""What ``message_bytes`` takes, ``to`` whom, and whether it is ``secret``."""
Entry = dict[str, Any]
"""``_id`` (that of the copy), ``due``, ``attempts``, ``fence``, ``message``, and at the end the
``outcome``: what its copy is to say."""


class Queue:
    """A mail and its copy are stored together, or neither; later the mail says what it is."""

    def __init__(self, engine: Engine, lease_seconds: int) -> None:
        self._lease = timedelta(seconds=lease_seconds)
        self._engine = engine
        majority = WriteConcern(w="majority")
        self._entries = primary(engine, COLLECTION)
        self._copies = primary(engine, OUTBOUND)
        # What its metadata demands of a copy does not keep a mail from being noted as sent.
        self._whatever = {} if engine.in_memory else {"bypass_document_validation": True}
        self._in_order = {} if engine.in_memory else {"sort": [("due", 1)]}
        if not engine.in_memory:
            self._entries = self._entries.with_options(write_concern=majority)
            self._copies = self._copies.with_options(write_concern=majority)

    async def start(self) -> None:
        if not self._engine.in_memory:
            await self._entries.create_index("due", name="due", sparse=True)
            await self._entries.create_index("expires", name="expires", expireAfterSeconds=0)

    async def put(self, copies: Sequence[Document], messages: Mapping[Any, Message]) -> None:
        """Stores copies, and by their ids the messages of those that are to be sent."""

        async def store(session: AsyncClientSession | None) -> None:
            await self._copies.insert_many(copies, session=session, **self._whatever)
            if entries:
                await self._entries.insert_many(entries, session=session)

        with translate_driver_errors(), _naming_indexes():
            due = await self._clock()
            entries = [
                {"_id": id_, "due": due, "attempts": 0, "message": message}
                for id_, message in messages.items()
            ]
            await self._engine.transaction(store, write_concern=WriteConcern(w="majority"))

    async def due(self, most: int) -> int:
        """How many mails are due, ``most`` at most."""
        count = self._entries.count_documents({"due": {"$lte": await self._clock()}}, limit=most)
        return int(await count)

    async def claim(self) -> Entry | None:
        """The mail that has been due for longest, for the time of a lease; None if none is.

        In memory it is any that is due.
        """
        instant = await self._clock()
        found: Entry | None = await self._entries.find_one_and_update(
            {"due": {"$lte": instant}},
            {
                "$set": {"due": instant + self._lease, "fence": token_hex(16)},
                "$inc": {"attempts": 1},
            },
            return_document=ReturnDocument.AFTER,
            **self._in_order,
        )
        return found

    async def extend(self, entry: Entry) -> bool:
        """The lease begins anew; false if it is lost."""
        change = {"$set": {"due": await self._clock() + self._lease}}
        return bool((await self._entries.update_one(_held(entry), change)).matched_count)

    async def done(self, entry: Entry, status: str) -> bool:
        """Forgets a mail that was delivered or is not to be; false if the lease is lost."""
        return await self._end(entry, {"status": status})

    async def bury(self, entry: Entry, reason: str) -> bool:
        """Nobody tries again: the mail stays for 30 days, without a text that has a token in it.

        False if the lease is lost.
        """
        return await self._end(entry, {"status": "failed", "reason": reason})

    async def _end(self, entry: Entry, outcome: dict[str, Any]) -> bool:
        """Notes with the mail what became of it, then all that follows from that.

        Not in a transaction: that of a worker which is killed would keep every other one from
        claiming anything for a minute.
        """
        change = {"$set": {"outcome": outcome}}
        if not (await self._entries.update_one(_held(entry), change)).matched_count:
            return False
        await self.settle({**entry, "outcome": outcome})
        return True

    async def settle(self, entry: Entry) -> None:
        """All that follows from the ``outcome`` of a mail; it may be done again."""
        outcome = entry["outcome"]
        copy = {"_id": entry["_id"], "status": {"$ne": outcome["status"]}}
        said = {"$set": {**outcome, "_changed": now()}, "$inc": {"_version": 1}}
        # The copy may have been deleted meanwhile.
        await self._copies.update_one(copy, said, **self._whatever)
        if outcome["status"] != "failed":
            await self._entries.delete_one(_held(entry))
            return
        expires = await self._clock() + timedelta(days=_DEAD_DAYS)
        gone = {"due": 1, "fence": 1, "outcome": 1, **({"message": 1} if is_secret(entry) else {})}
        dead = {"dead": True, "reason": outcome["reason"], "expires": expires}
        await self._entries.update_one(_held(entry), {"$set": dead, "$unset": gone})

    async def postpone(
        self, entry: Entry, seconds: float, reason: str, *, counts: bool = True
    ) -> None:
        """The mail is due again after so long; without ``counts`` it was not offered to anybody."""
        due = await self._clock() + timedelta(seconds=seconds)
        change = {
            "$set": {"due": due, "reason": reason},
            "$unset": {"fence": 1},
            "$inc": {"attempts": 0 if counts else -1},
        }
        await self._entries.update_one(_held(entry), change)

    async def dead(self) -> AsyncIterator[Entry]:
        """The mails that nobody tries again, the oldest first; without their HTML."""
        async for each in self._entries.find(_DEAD, {"message.html": 0}).sort("expires", 1):
            yield each

    async def retry(self, ids: Sequence[Any] | None = None) -> int:
        """How many of these dead mails, or of all, are tried from the beginning from now on.

        Those whose text is kept no longer are not among them.
        """
        wanted = {**_DEAD, "message": {"$exists": True}}
        if ids is not None:
            wanted["_id"] = {"$in": [*ids]}
        count = 0
        while found := [
            each["_id"] async for each in self._entries.find(wanted, {"_id": 1}).limit(_CHUNK)
        ]:
            count += await self._revive(found)
        return count

    async def _revive(self, ids: Sequence[Any]) -> int:
        due = await self._clock()

        said = {
            "$set": {"status": "queued", "_changed": now()},
            "$unset": {"reason": 1},
            "$inc": {"_version": 1},
        }
        # The copies first: a mail may be sent at once, and have been by whoever else revived it.
        failed = {"_id": {"$in": ids}, "status": "failed"}
        await self._copies.update_many(failed, said, **self._whatever)
        anew = {
            "$set": {"due": due, "attempts": 0},
            "$unset": {"dead": 1, "expires": 1, "reason": 1},
        }
        changed = await self._entries.update_many({**_DEAD, "_id": {"$in": ids}}, anew)
        return int(changed.modified_count)

    async def _clock(self) -> datetime:
        """The present instant, as the database sees it."""
        if self._engine.in_memory:
            return now()
        found: datetime = (await self._engine.database.command("hello"))["localTime"]
        return found


@contextmanager
def _naming_indexes() -> Iterator[None]:
    try:
        yield
    except BulkWriteError as error:
        raise Conflict(
            f"A mail cannot be stored, for {OUTBOUND} has a unique field that another copy "
            "has the value of.",
            hint="Take `unique` away from its metadata.",
        ) from error


def is_secret(entry: Entry) -> bool:
    """Whether the text of a mail is to be nowhere when the mail has left."""
    return bool(entry.get("message", {}).get("secret"))


def _held(entry: Entry) -> dict[str, Any]:
    return {"_id": entry["_id"], "fence": entry["fence"]}
