"""How mail leaves; each option is a setting of the same name."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from duetdb.app.service.options import BadOptions, is_loopback

_SECRET: dict[str, Any] = {"secret": True}
_LONGEST_URL: Final = 100
"""Characters of ``public_url``: with any address behind it, a link fits into a header's line."""
_PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True, kw_only=True)
class MailOptions:
    smtp_url: str | None = field(default=None, repr=False, metadata=_SECRET)
    """The server that takes mail: smtp://, smtps:// or smtp+starttls://user:password@host:port;
    when it is not set, mail is stored and not sent."""
    smtp_ca: Path | None = None
    """PEM file with the certificates that vouch for that server, in place of the system's."""
    mail_from: str | None = None
    """The address that mail comes from; needed with smtp_url."""
    public_url: str | None = None
    """Where others reach this server, such as https://api.example.com; mail then has a link to
    unsubscribe by, and media have whole addresses in GraphQL."""
    mail_batch: int = field(default=1000, metadata={"max": 10_000})
    """Mails in one request."""
    mail_bytes: int = field(default=1_000_000, metadata={"max": 8_000_000})
    """Bytes of the HTML of one mail."""
    mail_attachments: int = field(default=20, metadata={"max": 100})
    """Files that go with one mail."""
    mail_attachment_bytes: int = field(default=10_000_000, metadata={"max": 100_000_000})
    """Bytes of all files that go with one mail."""
    mail_template_seconds: int = field(default=10, metadata={"max": 600})
    """Seconds that the templates of one request may take; one mail's take half a second at most."""
    mail_hourly: int = field(default=1000, metadata={"min": 0})
    """Mails that one web key may send in an hour; 0: any number."""
    mail_daily: int = field(default=10_000, metadata={"min": 0})
    """Mails that one web key may send in a day; 0: any number."""
    mail_connections: int = field(default=4, metadata={"max": 64})
    """Connections to the mail server of each worker."""
    mail_attempts: int = field(default=20, metadata={"max": 100})
    """Times that a mail is offered to the mail server before it counts as failed."""
    mail_lease_seconds: int = field(default=120, metadata={"min": 4, "max": 3600})
    """Seconds after which another worker takes a mail whose worker has died."""
    mail_answer_seconds: int = field(default=600, metadata={"min": 1, "max": 3600})
    """Seconds that the mail server may take to answer to a mail; an answer that comes later means
    that it is sent twice."""
    mail_retry_seconds: int = field(default=30, metadata={"max": 3600})
    """Seconds before the second attempt; twice as long before each further one, up to an hour."""


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server; ``implicit_tls`` from the first byte, ``starttls`` before anything else."""

    host: str
    port: int
    username: str | None
    password: str | None
    implicit_tls: bool
    starttls: bool


def relay_of(url: str) -> Relay:
    """The server that ``smtp_url`` names; raises ``BadOptions``.

    A password is told to another machine under TLS alone, so ``smtp://`` with one
    means STARTTLS there.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in _PORTS or parts.path not in ("", "/") or parts.query:
        raise BadOptions(
            "smtp_url must be smtp://, smtps:// or smtp+starttls://, and user:password@host:port."
        )
    if (parts.username is None) != (parts.password is None):
        raise BadOptions("smtp_url needs a password beside the user, or neither.")
    told = parts.password is not None
    return Relay(
        host,
        port or _PORTS[parts.scheme],
        unquote(parts.username) if parts.username is not None else None,
        unquote(parts.password) if parts.password is not None else None,
        parts.scheme == "smtps",
        parts.scheme == "smtp+starttls"
        or (parts.scheme == "smtp" and told and not is_loopback(host)),
    )


def sender_of(options: MailOptions) -> str:
    """The address that mail comes from, an international domain encoded; empty if none is set.

    Raises ``BadOptions``.
    """
    from duetdb.app.service.mail.addresses import BadAddress, plain_address

    try:
        return plain_address(options.mail_from) if options.mail_from is not None else ""
    except BadAddress as error:
        raise BadOptions(f"mail_from: {error}") from None


def trust_of(options: MailOptions) -> ssl.SSLContext:
    """What verifies the mail server; raises ``BadOptions``."""
    try:
        return ssl.create_default_context(cafile=options.smtp_ca)
    except OSError:
        raise BadOptions(f"smtp_ca: {options.smtp_ca} holds no certificates.") from None


def check_mail_options(options: MailOptions) -> None:
    """Raises ``BadOptions`` before anything starts."""
    if options.smtp_url is not None:
        relay_of(options.smtp_url)
        if options.mail_from is None:
            raise BadOptions("smtp_url needs mail_from, the address that mail comes from.")
    sender_of(options)
    if options.smtp_ca is not None:
        if not options.smtp_ca.is_file():
            raise BadOptions(f"smtp_ca: there is no file {options.smtp_ca}.")
        trust_of(options)
    if options.public_url is not None and not _is_site(options.public_url):
        raise BadOptions(
            "public_url must be like https://api.example.com, without ? and #, and have at most "
            f"{_LONGEST_URL} characters."
        )


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not {*' "<>\\'} & {*url}
    plain = plain and len(url) <= _LONGEST_URL
    ends = not parts.query and not parts.fragment and "@" not in parts.netloc
    return plain and ends and parts.scheme in ("http", "https") and bool(parts.hostname)
