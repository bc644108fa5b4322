"""Which of several media types a client likes best (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_QUALITY: Final = re.compile(r"[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*", re.IGNORECASE)
_MOST_CHARACTERS: Final = 2_000


def best_named(accept: str, offered: Sequence[str]) -> str | None:
    """The one that the header names with the highest quality above 0, of equals the first.

    A star names nothing: programs that take anything send it, whether or not they can show it.
    """
    liked: dict[str, float] = {}
    for each in accept[:_MOST_CHARACTERS].split(","):
        name, *parameters = each.split(";")
        qualities = [found for one in parameters if (found := _QUALITY.fullmatch(one))]
        liked[name.strip().lower()] = float(qualities[0][1]) if qualities else 1.0
    best = max(offered, key=lambda each: liked.get(each, 0.0))
    return best if liked.get(best, 0.0) > 0 else None
