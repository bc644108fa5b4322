"""Request bodies: read up to a limit, and parsed strictly.

What JSON allows but a document cannot hold (integers beyond 64 bits, lone
surrogates, NUL characters) is refused here, before anything looks at it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Never
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from duetdb.app.service.errors import BadRequest, TooLarge

_DIGITS = bytes(ord("0") if each in b"0123456789" else ord(" ") for each in range(256))
_LONG_NUMBER = b"0" * 19
"""What 19 digits in a row become by ``_DIGITS``: found so 20 times as fast as by a pattern."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of NUL, which is none behind a backslash that is escaped itself."""
_INT64 = 2**63


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises ``TooLarge`` as soon as more than ``limit`` bytes are announced or
    received, without reading on.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse_json(raw: bytes | str) -> Any:
    """Parses JSON text (RFC 8259); duplicate keys: the last one wins.

    Raises ``BadRequest`` with the position of the mistake, and for integers
    outside 64 bits, NaN, Infinity and NUL characters.
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if b"\\u0000" in data and _NUL.search(data):
        raise BadRequest(
            "The JSON contains the character \\u0000, which cannot be stored.",
            hint="Remove the NUL character and send the request again.",
        )
    try:
        parsed = orjson.loads(data)
        if _LONG_NUMBER in data.translate(_DIGITS):
            # orjson would make floats of them; what else it refuses, json lets pass.
            return json.loads(data, parse_int=_int64, parse_constant=_constant)
        return parsed
    except RecursionError:
        raise BadRequest(
            "The JSON is nested too deeply.",
            hint="Flatten the document; see the limit 'nesting'.",
        ) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequest(
            f"The body is not valid JSON: {error}.",
            hint="Send one JSON object or array, UTF-8.",
        ) from None


def parse_form(raw: bytes) -> dict[str, Any]:
    """Parses ``application/x-www-form-urlencoded``; a repeated name becomes a list.

    Values stay strings: the field types coerce them (SPEC 4.4).
    """
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=1000,
        )
    except ValueError:
        raise BadRequest(
            "The form body cannot be read.",
            hint="Send UTF-8 with at most 1,000 fields.",
        ) from None
    form: dict[str, Any] = {}
    for name, value in pairs:
        if name not in form:
            form[name] = value
        elif isinstance(form[name], list):
            form[name].append(value)
        else:
            form[name] = [form[name], value]
    return form


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than {limit:,} bytes.",
        hint="Send less at a time, or raise DUETDB_BODY_BYTES.",
    )


def _int64(text: str) -> int:
    number = int(text) if len(text) < 40 else _INT64
    if not -_INT64 <= number < _INT64:
        raise BadRequest(
            "The JSON contains an integer outside 64 bits.",
            hint="Send it as a string, or as a number with a decimal point.",
        )
    return number


def _constant(text: str) -> Never:
    raise ValueError(f"{text} is not a JSON value")
