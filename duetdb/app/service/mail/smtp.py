"""One connection to the mail server, kept for as long as there is mail."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from functools import cache
from typing import Final, cast

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from duetdb.app.service.mail.options import Relay

_STEP_SECONDS: Final = 30
"""What each step of the conversation may take, but for the answer to a mail."""
_QUIT_SECONDS: Final = 2
_GO_ON: Final = 354
_ENOUGH: Final = 421
_TOO_LARGE: Final = 552


class Unreachable(Exception):
    """Nobody takes mail there just now, or not from us: that is no mail's fault."""


class Refused(Exception):
    """The server takes this mail at no time."""


class NotNow(Exception):
    """The server may take this mail later, or has taken it and could not say so."""


class Connection:
    """Certificates are verified by ``tls``; ``answer_seconds`` is what the server may take to
    answer to a mail that was sent."""

    def __init__(self, relay: Relay, tls: ssl.SSLContext, answer_seconds: float) -> None:
        self._relay = relay
        self._tls = tls
        self._answer_seconds = answer_seconds
        self._smtp: aiosmtplib.SMTP | None = None
        self.offered = False
        """Whether the server may have the mail that was sent last."""

    async def send(self, sender: str, to: str, message: bytes) -> None:
        """Returns when the server has taken the mail, whose lines end as SMTP wants it.

        Raises ``Unreachable`` before it was offered, ``Refused`` and ``NotNow``. Whoever stops
        waiting has to ``drop`` the connection.
        """
        self.offered = False
        smtp = await self._begun(sender, message)
        try:
            await smtp.rcpt(to)
            await self._say(smtp, message)
        except SMTPResponseException as error:
            await self._forget(smtp)
            raise _answer(error) from None
        except (SMTPException, OSError) as error:
            self.drop()
            raise NotNow(_told(error)) from None

    async def _say(self, smtp: aiosmtplib.SMTP, message: bytes) -> None:
        """DATA; not by the library, which would look for ends of lines in each mail anew, and
        keep everybody waiting for a tenth of a second while it does so in a large one."""
        began = await smtp.execute_command(b"DATA")
        if began.code != _GO_ON:
            raise SMTPDataError(began.code, began.message)
        self.offered = True
        if smtp.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        smtp.protocol.write(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        answer = await smtp.protocol.read_response(timeout=self._answer_seconds)
        if answer.code // 100 != 2:
            raise SMTPDataError(answer.code, answer.message)

    async def close(self) -> None:
        if self._smtp is not None and self._smtp.is_connected:
            with suppress(SMTPException, OSError):
                await self._smtp.quit(timeout=_QUIT_SECONDS)
        self.drop()

    def drop(self) -> None:
        """Ends it without a word, and without the rest of a mail that is not sent yet."""
        if self._smtp is not None:
            if self._smtp.transport is not None:
                cast(asyncio.WriteTransport, self._smtp.transport).abort()
            self._smtp.close()
        self._smtp = None

    async def _begun(self, sender: str, message: bytes) -> aiosmtplib.SMTP:
        """A connection on which a mail was announced.

        A server may want each of them to carry only so many, which shows only now: then another
        one is made, once.
        """
        used = self._smtp is not None
        smtp = await self._open()
        size = [f"size={len(message)}"] if smtp.supports_extension("size") else []
        try:
            await smtp.mail(sender, options=size)
        except SMTPSenderRefused as error:
            await self._forget(smtp)
            if used and error.code == _ENOUGH:
                return await self._begun(sender, message)
            if error.code == _TOO_LARGE or 400 <= error.code < 500:
                raise _answer(error) from None
            raise Unreachable(_told(error)) from None
        except SMTPServerDisconnected as error:
            self.drop()
            if used:
                return await self._begun(sender, message)
            raise Unreachable(_told(error)) from None
        except (SMTPException, OSError) as error:
            self.drop()
            raise Unreachable(_told(error)) from None
        return smtp

    async def _open(self) -> aiosmtplib.SMTP:
        """Connects, unless it is connected; raises ``Unreachable``."""
        if self._smtp is not None and self._smtp.is_connected:
            return self._smtp
        relay = self._relay
        self._smtp = smtp = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            local_hostname=await asyncio.to_thread(_own_name),
            username=relay.username,
            password=relay.password,
            timeout=_STEP_SECONDS,
            use_tls=relay.implicit_tls,
            start_tls=relay.starttls,
            tls_context=self._tls,
        )
        try:
            await smtp.connect()
            if smtp.is_ehlo_or_helo_needed:
                await _greet(smtp)
        except (SMTPException, OSError, ValueError) as error:
            self.drop()
            raise Unreachable(_told(error)) from None
        return smtp

    async def _forget(self, smtp: aiosmtplib.SMTP) -> None:
        """The mail that was begun does not go on, and the next one may."""
        try:
            await smtp.rset()
        except (SMTPException, OSError):
            self.drop()


async def _greet(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.ehlo()
    except SMTPHeloError:
        await smtp.helo()


@cache
def _own_name() -> str:
    """What this machine calls itself: found once, because name servers may be slow."""
    return socket.getfqdn()


def _answer(error: SMTPResponseException) -> Exception:
    said = _told(f"{error.code} {error.message}")
    return Refused(said) if 500 <= error.code < 600 else NotNow(said)


def _told(said: Exception | str) -> str:
    """A sentence that can be stored: servers may answer in any encoding."""
    if isinstance(said, SMTPResponseException):
        said = f"{said.code} {said.message}"
    elif isinstance(said, Exception):
        said = f"{type(said).__name__}: {said}"
    clean = said.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(each if each.isprintable() else " " for each in clean).split())[:300]
