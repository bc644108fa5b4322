"""How much a value holds, counted before any of it is looked at one by one."""

from __future__ import annotations

from typing import Any


def size_of(value: Any, most: int) -> int:
    """The elements and properties in a value of JSON; above ``most`` counting stops."""
    size = 0
    inside = [value]
    while inside and size <= most:
        each = inside.pop()
        if isinstance(each, list | dict):
            size += len(each)
            if size <= most:
                inside += each.values() if isinstance(each, dict) else each
    return size
