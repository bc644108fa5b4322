"""What one kind of caller may do with one collection, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

METHODS: Final = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
"""What can be done with documents, in the words of REST; GraphQL's root fields stand for these."""


@dataclass(frozen=True, slots=True)
class FieldSet:
    """Some of a document: the values at ``only`` (None: all of them), but those at ``but``.

    Both hold dotted stored paths, positions left out. A path stands for all that
    is inside of it. What nobody declared is in the set unless ``only`` is given.
    """

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()

    @property
    def is_everything(self) -> bool:
        return self.only is None and not self.but

    def has(self, path: str) -> bool:
        """Whether at least a part of the value at ``path`` is in the set."""
        if _covers(self.but, path):
            return False
        return self.only is None or _covers(self.only, path) or _is_inside(self.only, path)

    def has_whole(self, path: str) -> bool:
        """Whether all of the value at ``path`` is in the set."""
        if _covers(self.but, path) or _is_inside(self.but, path):
            return False
        return self.only is None or _covers(self.only, path)

    def without(self, paths: Iterable[str]) -> FieldSet:
        """The set less these values."""
        return FieldSet(self.only, self.but.union(paths))

    def both(self, other: FieldSet) -> FieldSet:
        """What is in this set and in the other."""
        return FieldSet(_common(self.only, other.only), self.but | other.but)

    def either(self, other: FieldSet) -> FieldSet:
        """What is in this set or in the other; where that cannot be said, a little less."""
        only = None if self.only is None or other.only is None else self.only | other.only
        return FieldSet(only, _lacking(self, other) | _lacking(other, self))


EVERY_FIELD: Final = FieldSet()


@dataclass(frozen=True, slots=True)
class Rights:
    """The methods that a caller may use on a collection, and the fields that these may reach.

    ``writable`` is about what a caller sends, ``readable`` about all that it may
    see, ask by or sort by. ``followed`` says whether relations lead to the
    collection, which takes more than reading this document or that; if not, the
    child lists ``below``, each a collection and a field of it, still do. ``listed``
    and ``addressed`` say whether the methods hold at addresses of its own, that
    of the list and those of documents, and not below parents alone.
    """

    methods: frozenset[str] = METHODS
    readable: FieldSet = EVERY_FIELD
    writable: FieldSet = EVERY_FIELD
    followed: bool = True
    below: frozenset[tuple[str, str]] = frozenset()
    listed: bool = True
    addressed: bool = True

    @property
    def can_read(self) -> bool:
        return "GET" in self.methods

    @property
    def can_list(self) -> bool:
        return self.can_read and self.listed

    def on_documents(self, method: str) -> bool:
        """Whether the method may be used on documents at their own addresses."""
        return self.addressed and method in self.methods


ALL_RIGHTS: Final = Rights()
NO_RIGHTS: Final = Rights(frozenset(), followed=False)


def _covers(paths: frozenset[str], path: str) -> bool:
    """Whether ``path`` or what holds it is one of ``paths``."""
    if not paths:
        return False
    while path not in paths:
        path, dot, _ = path.rpartition(".")
        if not dot:
            return False
    return True


def _is_inside(paths: frozenset[str], path: str) -> bool:
    """Whether one of ``paths`` is inside of the value at ``path``."""
    return any(each.startswith(f"{path}.") for each in paths)


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one if other is None else other
    return frozenset(
        [each for each in one if _covers(other, each)]
        + [each for each in other if _covers(one, each)]
    )


def _lacking(one: FieldSet, other: FieldSet) -> frozenset[str]:
    """What ``one`` leaves out by name and ``other`` does not have as a whole either."""
    return frozenset(each for each in one.but if not other.has_whole(each))
