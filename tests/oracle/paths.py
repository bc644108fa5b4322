"""Where a dotted path leads in a document: for conditions, for orders, for what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.oracle.values import EMPTY_LIST, MISSING, NULL, Key, key

_BRACKETS = re.compile(r"\[(\d+)\]")


def split(path: str) -> list[str]:
    """The names and positions of a path; ``a[0].b`` is ``a.0.b`` (SPEC 7.1)."""
    return _BRACKETS.sub(r".\1", path).split(".")


def reached(value: Any, path: Sequence[str], *, at: bool = False) -> Iterator[tuple[Any, bool]]:
    """All that a condition on the path looks at: names go into every element of a list.

    With each value comes whether a position led to it: of a list there, the
    elements are not looked at.
    """
    if not path:
        yield value, at
        return
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        yield from reached(value[name], rest) if name in value else [(MISSING, False)]
    elif isinstance(value, list):
        if name.isdigit() and int(name) < len(value):
            element = value[int(name)]
            if not rest or isinstance(element, dict | list):
                yield from reached(element, rest, at=True)
        for each in value:
            if isinstance(each, dict):
                yield from reached(each, path)
    else:
        yield MISSING, False


def values(document: Any, path: Sequence[str]) -> list[Any]:
    """What the path leads to, lists as wholes."""
    return [value for value, _ in reached(document, path)]


def compared(document: Any, path: Sequence[str]) -> list[Any]:
    """The same and the elements of what are lists: one of these must meet a comparison."""
    found = []
    for value, at in reached(document, path):
        found.append(value)
        if isinstance(value, list) and not at:
            found.extend(value)
    return found


def order_keys(value: Any, path: Sequence[str], *, spread: bool = True) -> list[Key]:
    """What a document may be ordered by: the least when ascending, the greatest when not."""
    if not path:
        if value == []:
            return [EMPTY_LIST]
        return [key(each) for each in (value if isinstance(value, list) and spread else [value])]
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        return order_keys(value.get(name, MISSING), rest)
    if not isinstance(value, list):
        return [NULL]
    if name.isdigit() and int(name) < len(value):
        return order_keys(value[int(name)], rest, spread=False)
    keys: list[Key] = []
    for each in value:
        keys += order_keys(each, path) if isinstance(each, dict) else [NULL]
    return keys or [NULL]


def only(value: Any, paths: Sequence[Sequence[str]]) -> Any:
    """The parts of an object, or of the objects in a list, that the paths name."""
    if isinstance(value, list):
        return [only(each, paths) for each in value if isinstance(each, dict | list)]
    kept = {}
    for name, each in value.items():
        below = [path[1:] for path in paths if path[0] == name]
        if [] in below:
            kept[name] = each
        elif below and isinstance(each, dict | list):
            kept[name] = only(each, below)
    return kept


def without(value: Any, paths: Sequence[Sequence[str]]) -> Any:
    """An object, or the elements of a list, without the parts that the paths name."""
    if isinstance(value, list):
        return [without(each, paths) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, each in value.items():
        below = [path[1:] for path in paths if path[0] == name]
        if [] not in below:
            kept[name] = without(each, below) if below else each
    return kept
