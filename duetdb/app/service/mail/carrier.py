"""One mail after another, offered to the mail server over one connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from duetdb.app.service.errors import DuetError
from duetdb.app.service.mail.attachments import Attachments
from duetdb.app.service.mail.message import message_bytes
from duetdb.app.service.mail.options import MailOptions
from duetdb.app.service.mail.queue import Entry, Queue, is_secret
from duetdb.app.service.mail.smtp import Connection, NotNow, Refused, Unreachable
from duetdb.app.service.mail.unsubscribes import Unsubscribes

_log = structlog.get_logger(__name__)

_LONGEST_WAIT: Final = 3600.0
_AGAIN_SECONDS: Final = 0.5
_LET_GO_SECONDS: Final = 2

Note = Callable[[], Awaitable[Any]]
"""Tells the queue what became of a mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """``carry`` once for each mail; whoever made ``connection`` closes it."""

    queue: Queue
    unsubscribes: Unsubscribes
    attachments: Attachments
    options: MailOptions
    sender: str
    connection: Connection

    async def carry(self) -> bool:
        """Claims a mail and offers it; false if none is due.

        Raises ``Unreachable`` when nobody took it, of which the mail knows nothing then.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()  # before the lease begins, for it may not end later than it seems
        entry = await self.queue.claim()
        if entry is None:
            return False
        self.connection.offered = False
        unreachable = None
        note: Note | None = None
        try:
            async with self._kept(entry, began):
                try:
                    note = await self._offered(entry)
                except Unreachable as error:
                    unreachable = error
                    note = partial(self.queue.postpone, entry, 0, str(error), counts=False)
                await self._noted(note)
        except TimeoutError:
            _log.warning("mail_lease_lost", mail=str(entry["_id"]))
        except asyncio.CancelledError:
            await self._let_go(entry, note)
            raise
        if unreachable is not None:
            raise unreachable
        return True

    async def _let_go(self, entry: Entry, note: Note | None) -> None:
        """The worker ends: what became of the mail is noted, and another worker need not wait for
        one that no server can have."""
        self.connection.drop()
        if note is None and not self.connection.offered:
            note = partial(self.queue.postpone, entry, 0, "The worker ended.", counts=False)
        if note is not None:
            with suppress(PyMongoError, TimeoutError):
                async with asyncio.timeout(_LET_GO_SECONDS):
                    await note()

    @asynccontextmanager
    async def _kept(self, entry: Entry, began: float) -> AsyncIterator[None]:
        """Extends the lease for as long as the block takes; raises ``TimeoutError`` when it is
        lost, a while before another worker takes the mail."""
        loop = asyncio.get_running_loop()
        lease = self.options.mail_lease_seconds

        async def extend(limit: asyncio.Timeout) -> None:
            while True:
                await asyncio.sleep(lease / 4)
                asked = loop.time()
                try:
                    held = await self.queue.extend(entry)
                except PyMongoError:
                    continue  # the limit stays
                limit.reschedule(asked + lease * 0.75 if held else asked)

        try:
            async with asyncio.timeout_at(began + lease * 0.75) as limit:
                keeper = asyncio.create_task(extend(limit))
                try:
                    yield
                finally:
                    keeper.cancel()
        except TimeoutError:
            self.connection.drop()
            raise

    async def _offered(self, entry: Entry) -> Note:
        """What is to be noted of a mail after it was offered; raises ``Unreachable``."""
        if "outcome" in entry:
            return partial(self.queue.settle, entry)  # a worker ended before it had done so
        if entry["attempts"] > self.options.mail_attempts:
            return self._buried(entry, "Each worker that tried to send it ended before it could.")
        try:
            raw = await self._written(entry)
            to = entry["message"]["to"]
            if not is_secret(entry) and await self.unsubscribes.among([to]):
                return partial(self.queue.done, entry, "skipped")
            await self.connection.send(self.sender, to, raw)
        except (NotNow, DuetError) as error:
            return self._again(entry, str(error))
        except Refused as error:
            return self._buried(entry, str(error))
        _log.info("mail_sent", mail=str(entry["_id"]), attempts=entry["attempts"])
        return partial(self.queue.done, entry, "sent")

    async def _written(self, entry: Entry) -> bytes:
        """The mail as it is sent; raises ``Refused`` for one that cannot be written, and
        ``NotNow`` while its files cannot be read."""
        try:
            message = entry["message"]
            files = await self.attachments.read(message.get("attachments") or ())
            # Beside the event loop: a large mail takes a tenth of a second.
            return await asyncio.to_thread(message_bytes, message, self.sender, files)
        except (PyMongoError, Refused, NotNow):
            raise
        except Exception as error:
            raise Refused(f"The mail cannot be written: {error!r}") from error

    def _buried(self, entry: Entry, reason: str) -> Note:
        _log.warning("mail_failed", mail=str(entry["_id"]), reason=reason)
        return partial(self.queue.bury, entry, reason)

    def _again(self, entry: Entry, reason: str) -> Note:
        if entry["attempts"] >= self.options.mail_attempts:
            return self._buried(entry, reason)
        doubled = self.options.mail_retry_seconds * 2.0 ** (entry["attempts"] - 1)
        # Not all at the same time: a server that was busy is not to be so again.
        wait = min(doubled, _LONGEST_WAIT) * random.uniform(0.75, 1.25)
        return partial(self.queue.postpone, entry, wait, reason)

    async def _noted(self, note: Note) -> None:
        """Tries for a while: a mail that was taken is not to be sent again because the database
        was away for a moment."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.options.mail_lease_seconds
        while True:
            try:
                await note()
                return
            except PyMongoError as error:
                if loop.time() > until:
                    raise
                _log.warning("mail_queue_unavailable", reason=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
