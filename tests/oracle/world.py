"""The collections that a question is about: their metadata and what is stored in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from tests.oracle.paths import compared
from tests.oracle.values import Json, wire

HIDDEN = ("_created", "_changed", "_createdby", "_changedby", "_version", "_keywords", "_tags")
"""System fields that are shown on request only (SPEC 4.2)."""


@dataclass(frozen=True)
class Collection:
    """One collection; ``definition`` is its metadata, as a client writes it."""

    definition: Json
    documents: tuple[Json, ...] = ()

    @cached_property
    def declared(self) -> Mapping[str, Json]:
        """The fields by their dotted paths, those inside objects included."""
        return dict(_walk(self.definition["fields"], ""))

    @cached_property
    def by_id(self) -> Mapping[Any, Json]:
        return {each["_id"]: each for each in self.documents}


def _walk(fields: Sequence[Json], prefix: str) -> Iterator[tuple[str, Json]]:
    for each in fields:
        path = prefix + each["name"]
        yield path, each
        yield from _walk(each.get("fields", ()), f"{path}.")


def is_list(declared: Json | None) -> bool:
    """Whether the metadata says that the field holds a list."""
    return declared is not None and bool(declared.get("multiple") or declared.get("relation"))


@dataclass(frozen=True)
class Target:
    """Where a path of the wire leads.

    ``stored`` is the way through the document, ``names`` the same without
    positions. Behind a relation ``rest`` is the way in the other collection.
    ``lists`` are the beginnings of ``stored`` that lead to declared lists whose
    elements are meant, and not one of them by its position.
    """

    stored: tuple[str, ...]
    names: tuple[str, ...]
    declared: Json | None
    rest: tuple[str, ...] = ()
    lists: tuple[tuple[str, ...], ...] = ()

    @property
    def relation(self) -> str | None:
        """The collection that is referred to."""
        return self.declared["type"] if self.declared and self.declared.get("relation") else None


@dataclass(frozen=True)
class World:
    """All collections by name, and the instant of the request."""

    collections: Mapping[str, Collection]
    now: datetime = field(default=datetime(2024, 5, 17, 12, 30))

    def target(self, name: str, path: Sequence[str], base: Sequence[str] = ()) -> Target:
        """Follows a path through the metadata; ``base`` are the names that lead to its start.

        ``company._id`` is ``company``: relations store ids (SPEC 9.1).
        """
        declared = self.collections[name].declared
        names = list(base)
        lists = []
        for position, part in enumerate(path):
            if part.isdigit() and ".".join((*names, part)) not in declared:
                continue
            names.append(part)
            found = declared.get(".".join(names))
            end = position + 1
            if is_list(found) and not any(each.isdigit() for each in path[end : end + 1]):
                lists.append(tuple(path[:end]))
            if found is not None and found.get("relation"):
                if path[end : end + 1] and path[end].isdigit():
                    end += 1
                rest = () if list(path[end:]) == ["_id"] else tuple(path[end:])
                return Target(tuple(path[:end]), tuple(names), found, rest)
        there = declared.get(".".join(names))
        return Target(tuple(path), tuple(names), there, (), tuple(lists))

    def related(self, target: Target, document: Any) -> list[Json]:
        """The documents that a relation leads to, in stored order, each once, vanished ones not."""
        assert target.relation is not None
        others = self.collections[target.relation].by_id
        ids = compared(document, target.stored)
        hashable = [each for each in ids if not isinstance(each, list | dict)]
        return [others[each] for each in dict.fromkeys(hashable) if each in others]

    def shown(self, name: str, document: Json, also: Iterable[str] = ()) -> Json:
        """A document as REST answers it: references are the documents themselves.

        Of the system fields that are hidden, ``also`` are shown.
        """
        hidden = set(HIDDEN).difference(also)
        found = {each: value for each, value in document.items() if each not in hidden}
        for declared in self.collections[name].definition["fields"]:
            if declared.get("relation") and found.get(declared["name"]) is not None:
                there = self.related(self.target(name, [declared["name"]]), document)
                found[declared["name"]] = [self.shown(declared["type"], each) for each in there]
        answered: Json = wire(found)
        return answered
