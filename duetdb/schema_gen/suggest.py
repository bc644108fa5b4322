"""Near names, for messages that help whoever mistyped one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100
"""Longer names are not compared: the comparison is quadratic and nobody mistypes them."""


def near(name: str, allowed: Iterable[str]) -> str | None:
    """The name in ``allowed`` that ``name`` was most likely meant to be, if any is near."""
    if len(name) > _LONGEST:
        return None
    folded: dict[str, str] = {}
    for each in allowed:
        if len(each) <= _LONGEST:
            folded.setdefault(each.casefold(), each)
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """A sentence to append to a message, `` Did you mean 'x'?``, or the empty string."""
    found = near(name, allowed)
    return f" Did you mean '{found}'?" if found else ""
