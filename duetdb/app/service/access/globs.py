"""Path globs of web keys (SPEC 2.3): ``*`` is a part of the path, ``**`` any number of parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from duetdb.app.service.access.permissions import ANY_ID, Address
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS, USERS

_DEEP: Final = "**"
_ANYTHING: Final = ("", "")

Part: TypeAlias = str | tuple[str, ...]
"""One part of a pattern: a text, or the texts between its stars."""


class Glob:
    """One pattern; ``/posts/**`` also stands for ``/posts`` itself.

    ``users`` is the collection of the users' records, a system collection.
    """

    def __init__(self, pattern: str, users: str = USERS) -> None:
        self._system = {*SYSTEM_DEFINITIONS, users}
        names = [each for each in pattern.split("/") if each]
        self._parts = list(map(_part, _collapsed(names)))
        self._start = _start(self._parts)
        self._names_system = bool(names) and names[0] in self._system

    def matches(self, address: Address) -> bool:
        """Whether the pattern holds for the address, whatever id ``ANY_ID`` stands for."""
        start = self._start
        if start is not None:  # /posts/** and the like, which most keys have, at a fraction
            return address[: len(start)] == start and self._fits(address)
        return self._fits(address) and _matches(self._parts, address, certain=True)

    def could_match(self, address: Address) -> bool:
        """Whether there are ids for which the pattern holds."""
        return self._fits(address) and _matches(self._parts, address, certain=False)

    def _fits(self, address: Address) -> bool:
        """System collections are meant by their names only, never by a star."""
        name = address[0]
        return self._names_system or not (name in self._system or name.startswith("_"))


def _collapsed(names: Sequence[str]) -> list[str]:
    """The names, several ``**`` in a row as the one that they mean."""
    return [each for each, behind in pairwise([*names, ""]) if not each == behind == _DEEP]


def _start(parts: Sequence[Part]) -> Address | None:
    """What an address begins with, for patterns that ask for no more."""
    *names, last = parts or [""]
    start = tuple(each for each in names if isinstance(each, str) and each != _DEEP)
    return start if last == _DEEP and len(start) == len(names) else None


def _part(text: str) -> Part:
    if text == _DEEP or "*" not in text:
        return text
    return tuple(re.split(r"\*+", text))


def _matches(parts: Sequence[Part], address: Sequence[str], *, certain: bool) -> bool:
    if not parts:
        return not address
    first, *rest = parts
    if first == _DEEP:
        return any(
            _matches(rest, address[start:], certain=certain) for start in range(len(address) + 1)
        )
    if not address or not _holds(first, address[0], certain=certain):
        return False
    return _matches(rest, address[1:], certain=certain)


def _holds(part: Part, text: str, *, certain: bool) -> bool:
    if text == ANY_ID:
        return not certain or part == _ANYTHING
    return part == text if isinstance(part, str) else _has_in_order(part, text)


def _has_in_order(texts: tuple[str, ...], text: str) -> bool:
    """Whether a text is these texts with anything between them.

    Callers choose the text, so it is read once: a regular expression would try every way to
    divide it among the stars.
    """
    first, *middle, last = texts
    position, end = len(first), len(text) - len(last)
    if position > end or not text.startswith(first) or not text.endswith(last):
        return False
    for each in middle:
        found = text.find(each, position, end)
        if found < 0:
            return False
        position = found + len(each)
    return True
