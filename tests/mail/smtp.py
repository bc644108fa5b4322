"""A real mail server on a loopback port, which can be told to misbehave."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.processes import free_port

USER, PASSWORD = "duet", "p@ss:word"


@dataclass
class Mailbox:
    """What has arrived; ``answers`` are said to the next mails in place of taking them.

    An answer of ``drop`` takes the mail and closes the socket without a word.
    """

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    offered: int = 0
    delay: float = 0
    mechanisms: set[str] = field(default_factory=set)

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        self.mechanisms.add(mechanism)
        known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.offered += 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer[0] not in "2d":
            return answer
        assert isinstance(envelope.content, bytes)
        mail: Any = message_from_bytes(envelope.content, policy=default)
        await asyncio.sleep(self.delay)
        assert envelope.rcpt_tos == [mail["To"].addresses[0].addr_spec]
        self.mails.append(mail)
        if answer == "drop":
            server.transport.close()
        return "250 OK"

    def ids(self) -> list[str]:
        return [str(each["Message-ID"]) for each in self.mails]

    def wait(self, count: int, seconds: float = 20) -> list[EmailMessage]:
        """The mails, as soon as there are so many."""
        until = time.monotonic() + seconds
        while len(self.mails) < count:
            assert time.monotonic() < until, f"{len(self.mails)} of {count} mails arrived"
            time.sleep(0.02)
        return self.mails


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None,
    *,
    implicit: bool = False,
    auth: str | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Mailbox]:
    """A server for the time of a test; with ``tls`` it demands STARTTLS, unless it is implicit.

    ``auth`` is the one mechanism by which it takes passwords, and demands them.
    """
    box = Mailbox(free_port())
    options: dict[str, Any] = {"hostname": host, "port": box.port}
    if auth:
        options |= {"authenticator": box.authenticate, "auth_required": True}
        options |= {"auth_require_tls": tls is not None and not implicit}
        options["auth_exclude_mechanism"] = {"PLAIN", "LOGIN"} - {auth}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    if implicit:
        options |= {"ssl_context": tls}
    controller = Controller(box, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
