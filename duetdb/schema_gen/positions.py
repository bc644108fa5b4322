"""Positions in lists: the numbers in a dotted path such as ``parts.0.length``."""

from __future__ import annotations


def is_position(part: str) -> bool:
    """Whether a part of a path may stand for an element of a list: ASCII digits, as in MongoDB."""
    return part.isascii() and part.isdecimal()


def without_positions(path: str) -> str:
    """The names on a path: ``parts.0.length`` is ``parts.length``."""
    return ".".join(part for part in path.split(".") if not is_position(part))
