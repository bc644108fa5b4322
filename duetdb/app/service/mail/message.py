"""What goes over the wire: a message with a plain text beside its HTML.

The headers are written here. The standard library decodes encoded words of RFC 2047 in what it
is given, line breaks among them, and writes links that are long as such words, which no mail
program can follow.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from secrets import token_hex
from typing import Any, Final

from duetdb.app.service.mail.plain_text import plain_text
from duetdb.app.service.media.kinds import clean_name

_LINE: Final = 57
"""Bytes that make a line of base64."""
_TYPE: Final = re.compile(r"(?!multipart|message)([a-z0-9.+-]{1,60})/([a-z0-9.+-]{1,100})")
_PLAIN: Final = 60
"""Characters of a text that needs no folding."""
_PHRASE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_'!")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; any type that cannot be is that of bytes."""

    name: str
    type: str
    data: bytes


def message_bytes(
    message: Mapping[str, Any], sender: str, attachments: Sequence[Attachment] = ()
) -> bytes:
    """A stored message as it is sent; the same each time that it is tried, but for its date.

    Raises ``ValueError`` for one that would not be what it says.
    """
    mail = EmailMessage(policy=SMTP)
    mail.set_content(plain_text(message["html"]), cte="quoted-printable")
    mail.add_alternative(message["html"], subtype="html", cte="quoted-printable")
    text = mail.as_bytes()
    if not text.count(b"\r") == text.count(b"\n") == text.count(b"\r\n"):
        raise ValueError("A line would not end as SMTP wants it.")
    head = "".join(_line(name, value) for name, value in _headers(message, sender))
    body = _mixed(text, attachments) if attachments else [text]
    return b"".join([head.encode("ascii"), *body])


def _mixed(text: bytes, attachments: Sequence[Attachment]) -> Iterator[bytes]:
    """The parts of a message with files; not by the standard library, which has files several
    times in memory, and keeps all other work waiting while it looks for ends of lines in them."""
    boundary = f"=={token_hex(16)}==".encode()
    kind = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="%b"\r\n\r\n'
    yield kind % boundary
    yield b"--%b\r\n" % boundary
    yield text
    for each in attachments:
        yield b"\r\n--%b\r\n" % boundary
        yield _part_head(each)
        for start in range(0, len(each.data), _LINE * 100):
            piece = encodebytes(each.data[start : start + _LINE * 100])
            yield piece.replace(b"\n", b"\r\n")
    yield b"\r\n--%b--\r\n" % boundary


def _part_head(attachment: Attachment) -> bytes:
    """Headers of a file, its name by RFC 2231."""
    given = attachment.type.partition(";")[0].strip().lower()
    found = _TYPE.fullmatch(given)
    main, sub = (found[1], found[2]) if found else ("application", "octet-stream")
    part = EmailMessage(policy=SMTP)
    # Encoded words would be decoded here too, and have no place in a name.
    name = clean_name(attachment.name).replace("=?", "=_")
    part.set_content(b"", maintype=main, subtype=sub, cte="base64", filename=name)
    del part["MIME-Version"]
    return part.as_bytes().rstrip() + b"\r\n\r\n"


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
