"""The file name that a part of a form gives, in each of the ways in which clients write it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header

_PARAMETER: Final = re.compile(rb';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_EXTENDED: Final = re.compile(rb"filename\*(?:(\d{1,2})(\*?))?", re.IGNORECASE)
"""``filename*``, and in numbered parts ``filename*0`` or, where encoded, ``filename*0*``."""
_LATIN: Final = (b"iso-8859-1", b"us-ascii")


def file_name_of(disposition: bytes) -> str | None:
    """The name by a ``Content-Disposition``; None for what is no file, empty for an empty name.

    ``filename*`` (RFC 5987) and names in numbered parts (RFC 2231) are read although RFC 7578
    does without them, because clients send them; they win over ``filename``. A plain name is
    UTF-8, or Latin-1 if it cannot be.
    """
    parts: dict[int, tuple[bytes, bool]] = {}
    for name, value in _PARAMETER.findall(disposition):
        if found := _EXTENDED.fullmatch(name):
            number = int(found[1]) if found[1] else -1
            parts[number] = (_unquoted(value), number < 0 or bool(found[2]))
    if -1 in parts:  # the whole name, which needs no parts
        parts = {-1: parts[-1]}
    if parts:
        return _joined([parts[number] for number in sorted(parts)])
    plain = parse_options_header(disposition)[1].get(b"filename")
    return None if plain is None else _decoded(plain)


def _unquoted(value: bytes) -> bytes:
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        return re.sub(rb"\\(.)", rb"\1", value[1:-1])
    return value.strip()


def _joined(parts: list[tuple[bytes, bool]]) -> str:
    """The text of values, encoded ones among them; the first one says the character set."""
    value, encoded = parts[0]
    charset = b""
    if encoded and value.count(b"'") >= 2:
        charset, _, value = value.split(b"'", 2)
    parts = [(value, encoded), *parts[1:]]
    raw = b"".join(unquote_to_bytes(each) if coded else each for each, coded in parts)
    return raw.decode("latin-1") if charset.lower() in _LATIN else _decoded(raw)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
