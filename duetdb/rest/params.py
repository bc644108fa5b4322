"""Query strings, read as tolerantly as clients write them (SPEC 6.6)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from duetdb.app.http.bodies import parse_json
from duetdb.app.service.errors import BadQuery, BadRequest

_MOST = 1000


class Params:
    """The parameters of one request: names to all their values, in order.

    Raw braces and quotes, ``?&a=b``, line breaks around names and repeated
    names are all read; ``+`` is a space. Where one value is meant, the last wins.
    """

    __slots__ = ("_values",)

    def __init__(self, query: bytes) -> None:
        """Raises ``BadQuery`` when a value is not UTF-8, or there are too many."""
        self._values: dict[str, list[str]] = {}
        if not query:
            return
        parts = query.split(b"&")
        if len(parts) > _MOST:
            raise BadQuery(f"More than {_MOST:,} query parameters.", hint="Send fewer.")
        for part in parts:
            if part:
                name, _, value = part.partition(b"=")
                self._values.setdefault(_decode(name).strip(), []).append(_decode(value))

    def __bool__(self) -> bool:
        return bool(self._values)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def last(self, name: str) -> str:
        """The value of a parameter; empty when it is not given."""
        values = self._values.get(name)
        return values[-1] if values else ""

    def flag(self, name: str) -> bool:
        return self.last(name).strip().lower() in ("true", "1")

    def json(self, name: str) -> Any:
        """The parsed JSON of a parameter, None when it is absent or blank.

        Raises ``BadQuery`` when the text is not JSON.
        """
        text = self.last(name).strip()
        if not text:
            return None
        try:
            return parse_json(text)
        except BadRequest as error:
            reason = error.message.replace("The body", "It")
            raise BadQuery(
                f"The query parameter {name} cannot be read. {reason}",
                hint=f'Send one JSON object, percent-encoded, such as {name}={{"name":"Ann"}}.',
            ) from None


def _decode(raw: bytes) -> str:
    try:
        if b"%" in raw or b"+" in raw:
            return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
        return raw.decode()
    except UnicodeDecodeError:
        raise BadQuery(
            "The query string is not UTF-8.", hint="Percent-encode the bytes of UTF-8 text."
        ) from None
