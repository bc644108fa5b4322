"""The part of a body that ``Range`` asks for (RFC 9110 section 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from duetdb.app.http.failures import RangeNotSatisfiable

_LONGEST: Final = 200
"""Characters of a header that is looked at; no browser sends as many."""
_ONE: Final = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE | re.ASCII)


def asked_range(headers: Sequence[str], length: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last; None where the whole is to be sent.

    ``headers`` are the values of ``Range``. What is malformed, of another unit or several ranges
    at once counts as not sent (14.2), so nobody makes the server put many pieces together.
    Raises ``RangeNotSatisfiable``.
    """
    given = headers[0] if len(headers) == 1 else ""
    found = _ONE.fullmatch(given) if len(given) <= _LONGEST else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return _last(int(found[2]), length)
    first = int(found[1])
    last = int(found[2]) if found[2] else length - 1
    if found[2] and last < first:
        return None
    if first >= length:
        raise RangeNotSatisfiable(length)
    return first, min(last + 1, length)


def _last(count: int, length: int) -> tuple[int, int] | None:
    """The last ``count`` bytes; nothing has no last ones, and is sent whole."""
    if not count:
        raise RangeNotSatisfiable(length)
    return (max(0, length - count), length) if length else None
