"""Every worker delivers: one mail at a time on each of a few connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from pymongo.errors import PyMongoError

from duetdb.app.service.errors import DuetError
from duetdb.app.service.mail.attachments import Attachments
from duetdb.app.service.mail.carrier import Carrier
from duetdb.app.service.mail.options import MailOptions, relay_of, sender_of, trust_of
from duetdb.app.service.mail.queue import Queue
from duetdb.app.service.mail.smtp import Connection, Unreachable
from duetdb.app.service.mail.unsubscribes import Unsubscribes

_log = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 1.0
"""After so long a worker finds mail that another one was given."""
_LONGEST_PAUSE: Final = 60.0
_STOP_SECONDS: Final = 5.0


class Delivery:
    """Takes mails from the queue until it is stopped; ``options`` name a server."""

    def __init__(
        self,
        queue: Queue,
        unsubscribes: Unsubscribes,
        attachments: Attachments,
        options: MailOptions,
    ) -> None:
        assert options.smtp_url is not None
        self._queue = queue
        self._unsubscribes = unsubscribes
        self._attachments = attachments
        self._options = options
        self._sender = sender_of(options)
        self._relay = relay_of(options.smtp_url)
        self._tls = trust_of(options)
        self._wake = asyncio.Event()
        self._pause = _POLL_SECONDS
        self._stopping = False
        self._lines: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """There is something to be sent, which makes no server reachable that was not."""
        if self._pause == _POLL_SECONDS:
            self._wake.set()

    async def stop(self) -> None:
        """Finishes the mails that are under way, for five seconds at most.

        What is not finished then is tried again when its lease has passed.
        """
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            tasks = {self._task, *self._lines}
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        """As many lines as there are mails due, and connections."""
        while not self._stopping:
            self._wake.clear()
            # While the server is not reached, one line tries.
            most = 1 if self._pause > _POLL_SECONDS else self._options.mail_connections
            free = most - len(self._lines)
            with _noticed():
                for _ in range(await self._queue.due(free) if free > 0 else 0):
                    line = asyncio.create_task(self._line(self._pause))
                    self._lines.add(line)
                    line.add_done_callback(self._lines.discard)
            await self._rest()

    async def _rest(self) -> None:
        if self._stopping:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._wake.wait()

    async def _line(self, pause: float) -> None:
        """Sends what is due over one connection; ``pause`` is how long the server was left alone
        before."""
        carrier = self._carrier()
        try:
            with _noticed():
                while not self._stopping and await carrier.carry():
                    if self._pause > _POLL_SECONDS:  # it is reached again, so by all lines
                        self._pause = _POLL_SECONDS
                        self._wake.set()
        except Unreachable as error:
            _log.warning("mail_server_unreachable", reason=str(error))
            self._pause = max(self._pause, min(pause * 2, _LONGEST_PAUSE))
        finally:
            await carrier.connection.close()

    def _carrier(self) -> Carrier:
        connection = Connection(self._relay, self._tls, self._options.mail_answer_seconds)
        return Carrier(
            queue=self._queue,
            unsubscribes=self._unsubscribes,
            attachments=self._attachments,
            options=self._options,
            sender=self._sender,
            connection=connection,
        )


@contextmanager
def _noticed() -> Iterator[None]:
    """Whatever goes wrong is told to the operator, and tried again; ``Unreachable`` is raised."""
    try:
        yield
    except Unreachable:
        raise
    except (PyMongoError, DuetError) as error:
        _log.warning("mail_queue_unavailable", reason=str(error))
    except Exception:
        _log.exception("mail_delivery_failed")
