"""Which pages may act as a caller: the origins that a key or a setting lists (SPEC 2.3)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

ANYWHERE: Final = "*"
"""Pages of every site, and those that have no origin to name."""
LOOPBACK: Final = "loopback"
"""Pages of whatever server on the browser's own machine: for development."""

_LOCAL: Final = re.compile(
    r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE
)
_ORIGIN: Final = re.compile(
    r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9]\d{0,4})?", re.IGNORECASE
)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_LONGEST: Final = 300


def allows(listed: Collection[str], origin: str) -> bool:
    """Whether a page may act, whose origin the browser says to be this."""
    if not is_origin(origin) and origin != "null":
        return False
    return (
        ANYWHERE in listed
        or origin.lower() in listed
        or (LOOPBACK in listed and _LOCAL.fullmatch(origin) is not None)
    )


def is_origin(text: str) -> bool:
    """Whether it is one as browsers write it: ``https://app.example``, with its port if any."""
    return len(text) <= _LONGEST and _ORIGIN.fullmatch(text) is not None


def listed_origin(text: str) -> str:
    """An entry of a list in the one form in which it is compared.

    Raises ``ValueError``, with a sentence, for what is neither an origin nor one
    of the two words.
    """
    entry = text.strip().lower()
    if entry in (ANYWHERE, LOOPBACK):
        return entry
    if not is_origin(entry):
        raise ValueError(
            f"{ascii(text)[:100]} is no origin: write https://app.example, with the port if there "
            f"is one and without a path, or {ANYWHERE!r} for anywhere, or {LOOPBACK!r} for pages "
            "of the browser's own machine."
        )
    return entry.removesuffix(_DEFAULT_PORTS[entry.partition(":")[0]])
