"""What goes over the wire: a message with a plain text beside its HTML.

The headers are written here. The standard library decodes encoded words of RFC 2047 in what it
is given, line breaks among them, and writes links that are long as such words, which no mail
program can follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from typing import Any, Final

from duetdb.app.service.mail.plain_text import plain_text

_PLAIN: Final = 60
"""Characters of a text that needs no folding."""
_PHRASE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_'!")


def message_bytes(message: Mapping[str, Any], sender: str) -> bytes:
    """A stored message as it is sent; the same each time that it is tried, but for its date."""
    mail = EmailMessage(policy=SMTP)
    mail.set_content(plain_text(message["html"]), cte="quoted-printable")
    mail.add_alternative(message["html"], subtype="html", cte="quoted-printable")
    head = "".join(_line(name, value) for name, value in _headers(message, sender))
    return head.encode("ascii") + mail.as_bytes()


def _headers(message: Mapping[str, Any], sender: str) -> Iterator[tuple[str, str]]:
    yield "From", _named("From", message["sendername"], sender)
    yield "To", message["to"]
    yield "Subject", _words("Subject", message["subject"])
    yield "Date", format_datetime(datetime.now(UTC))
    yield "Message-ID", message["message_id"]
    if message["reply_to"]:
        yield "Reply-To", message["reply_to"]
    if message["unsubscribe"]:
        yield "List-Unsubscribe", f"<{message['unsubscribe']}>"
        if message["unsubscribe"].startswith("https:"):  # RFC 8058 asks for that
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _line(name: str, value: str) -> str:
    """One header; raises ``ValueError`` for a value that would begin another one."""
    if not value.replace("\r\n ", "").isprintable():
        raise ValueError(f"The header {name} would not be one line.")
    return f"{name}: {value}\r\n"


def _named(header: str, name: str, address: str) -> str:
    """A mailbox of RFC 5322: the address, and the name of whose it is."""
    if not name.strip():
        return address
    said = _words(header, name)
    if said == name and not _PHRASE.issuperset(name):
        said = f'"{quote(name)}"'
    return f"{said} <{address}>"


def _words(header: str, text: str) -> str:
    """A text as it is if it is short and plain, otherwise as encoded words of RFC 2047."""
    plain = text.isascii() and text.isprintable() and "=?" not in text
    if plain and len(text) <= _PLAIN and text == text.strip():
        return text
    return Header(text, "utf-8", header_name=header).encode(linesep="\r\n")
