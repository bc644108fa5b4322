"""Every worker delivers: one mail at a time on each of a few connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from duetdb.app.service.errors import DuetError
from duetdb.app.service.mail.message import message_bytes
from duetdb.app.service.mail.options import MailOptions, relay_of
from duetdb.app.service.mail.queue import Entry, Queue
from duetdb.app.service.mail.smtp import Connection, NotNow, Refused, Unreachable
from duetdb.app.service.mail.unsubscribes import Unsubscribes

_log = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 1.0
"""After so long a worker finds mail that another one was given."""
_LONGEST_PAUSE: Final = 60.0
_LONGEST_WAIT: Final = 3600.0
_STOP_SECONDS: Final = 5.0


class Delivery:
    """Takes mails from the queue until it is stopped; ``options`` name a server."""

    def __init__(self, queue: Queue, unsubscribes: Unsubscribes, options: MailOptions) -> None:
        assert options.smtp_url is not None and options.mail_from is not None
        self._queue = queue
        self._unsubscribes = unsubscribes
        self._options = options
        self._sender = options.mail_from
        self._relay = relay_of(options.smtp_url)
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """There is something to be sent."""
        self._wake.set()

    async def stop(self) -> None:
        """Finishes the mails that are under way, for five seconds at most.

        What is not finished then is tried again when its lease has passed.
        """
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_STOP_SECONDS)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        pause = _POLL_SECONDS
        while not self._stopping:
            self._wake.clear()
            try:
                if await self._queue.waiting():
                    count = range(self._options.mail_connections)
                    await _all([self._deliver() for _ in count])
                pause = _POLL_SECONDS
            except Unreachable as error:
                _log.warning("mail_server_unreachable", reason=str(error))
                pause = min(pause * 2, _LONGEST_PAUSE)
            except (PyMongoError, DuetError) as error:
                _log.warning("mail_queue_unavailable", reason=str(error))
            except Exception:
                _log.exception("mail_delivery_failed")
            await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        if self._stopping:
            return
        with suppress(TimeoutError):
            if seconds > _POLL_SECONDS:  # a new mail does not make a server reachable
                self._wake.clear()
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _deliver(self) -> None:
        """Sends what is due over one connection; raises ``Unreachable`` before it claims any."""
        connection = Connection(self._relay, self._options.smtp_ca)
        try:
            while not self._stopping:
                await connection.open()
                entry = await self._queue.claim()
                if entry is None:
                    return
                await self._offer(entry, connection)
        finally:
            await connection.close()

    async def _offer(self, entry: Entry, connection: Connection) -> None:
        message = entry["message"]
        if not entry["secret"] and await self._unsubscribes.among([message["to"]]):
            await self._queue.done(entry, "skipped")
            return
        try:
            async with asyncio.timeout(self._options.mail_lease_seconds / 2):
                # Beside the event loop: a large mail takes a tenth of a second.
                raw = await asyncio.to_thread(message_bytes, message, self._sender)
                await connection.send(self._sender, message["to"], raw)
        except (NotNow, TimeoutError) as error:
            await self._again(entry, str(error) or "The mail server did not answer in time.")
            if isinstance(error, TimeoutError):
                await connection.close()
        except (Refused, ValueError) as error:
            await self._queue.bury(entry, str(error))
            _log.warning("mail_refused", mail=str(entry["_id"]), reason=str(error))
        else:
            if await self._queue.done(entry, "sent"):
                _log.info("mail_sent", mail=str(entry["_id"]), attempts=entry["attempts"])

    async def _again(self, entry: Entry, reason: str) -> None:
        if entry["attempts"] >= self._options.mail_attempts:
            await self._queue.bury(entry, reason)
            _log.warning("mail_given_up", mail=str(entry["_id"]), reason=reason)
            return
        doubled = self._options.mail_retry_seconds * 2.0 ** (entry["attempts"] - 1)
        # Not all at the same time: a server that was busy is not to be so again.
        wait = min(doubled, _LONGEST_WAIT) * random.uniform(0.75, 1.25)
        await self._queue.postpone(entry, wait, reason)


async def _all(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Carries all of them out to their end; raises the first error after that."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
