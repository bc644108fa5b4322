"""One connection to the mail server, kept for as long as there is mail."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiosmtplib
from aiosmtplib import (
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from duetdb.app.service.mail.options import Relay

_STEP_SECONDS: Final = 30
"""What each step of the conversation may take."""


class Unreachable(Exception):
    """Nobody takes mail there just now, or not from us: that is no mail's fault."""


class Refused(Exception):
    """The server takes this mail at no time."""


class NotNow(Exception):
    """The server may take this mail later, or has taken it and could not say so."""


class Connection:
    """Certificates are verified; ``ca`` is a file with those that vouch for the server."""

    def __init__(self, relay: Relay, ca: Path | None) -> None:
        self._relay = relay
        self._ca = ca
        self._smtp: aiosmtplib.SMTP | None = None

    async def open(self) -> None:
        """Connects, unless it is connected; raises ``Unreachable``."""
        if self._smtp is not None and self._smtp.is_connected:
            return
        relay = self._relay
        smtp = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.username,
            password=relay.password,
            timeout=_STEP_SECONDS,
            use_tls=relay.implicit_tls,
            start_tls=relay.starttls,
            tls_context=ssl.create_default_context(cafile=self._ca),
        )
        try:
            await smtp.connect()
        except (SMTPException, OSError, ValueError) as error:
            smtp.close()
            raise Unreachable(_told(error)) from None
        self._smtp = smtp

    async def send(self, sender: str, to: str, message: bytes) -> None:
        """Returns when the server has taken the mail; raises ``Refused`` and ``NotNow``."""
        assert self._smtp is not None, "open() comes first"
        try:
            await self._smtp.sendmail(sender, [to], message)
        except SMTPRecipientsRefused as error:
            first = error.recipients[0]
            raise _answer(first.code, first.message) from None
        except SMTPResponseException as error:
            raise _answer(error.code, error.message) from None
        except (SMTPException, OSError) as error:
            self._drop()
            raise NotNow(_told(error)) from None

    async def close(self) -> None:
        if self._smtp is not None and self._smtp.is_connected:
            with suppress(SMTPException, OSError):
                await self._smtp.quit(timeout=5)
        self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


def _answer(code: int, message: str) -> Exception:
    said = " ".join(f"{code} {message}".split())[:300]
    return Refused(said) if 500 <= code < 600 else NotNow(said)


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
