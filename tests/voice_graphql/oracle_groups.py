"""Groups and their figures, evaluated in Python for the fields that operations are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.voice_graphql.conftest import Json

Rank = Callable[[Any], Any]
"""A value's place in MongoDB's order."""


@dataclass(frozen=True)
class Group:
    """Documents that have the values of ``key`` in common."""

    key: Json
    documents: list[Json]
    rank: Rank

    def field(self, name: str) -> Any:
        """What a field of a row has."""
        if name == "group":
            return self.key
        return len(self.documents) if name == "count" else Figures(name, self)


@dataclass(frozen=True)
class Figures:
    """The figures of one function."""

    function: str
    group: Group

    def field(self, name: str) -> Any:
        """The figure of one field; what would not fit its type is null."""
        values = [each[name] for each in self.group.documents if each.get(name) is not None]
        figure = _FUNCTIONS[self.function](values, self.group.rank)
        fits = isinstance(figure, _TYPES.get(name, object)) or self.function == "countDistinct"
        return figure if fits else None


_TYPES: Mapping[str, type] = {"name": str, "text": str, "title": str}


def groups_of(documents: Iterable[Json], arguments: Json, rank: Rank) -> list[Group]:
    """The groups by the fields of ``groupBy``, in the order of their values."""
    names = [each.name for each in arguments.get("groupBy") or ()]
    found: dict[Any, Group] = {} if names else {(): Group({}, [], rank)}
    for each in documents:
        key = {name: each.get(name) for name in names}
        place = tuple(map(rank, key.values()))
        found.setdefault(place, Group(key, [], rank)).documents.append(each)
    most = arguments.get("max")
    return [found[place] for place in sorted(found)][:most]


def _numbers(values: list[Any]) -> list[Any]:
    return [each for each in values if isinstance(each, int | float)]


def _average(values: list[Any], rank: Rank) -> float | None:
    numbers = _numbers(values)
    return sum(numbers) / len(numbers) if numbers else None


_FUNCTIONS: Mapping[str, Callable[[list[Any], Rank], Any]] = {
    "countDistinct": lambda values, rank: len(set(map(rank, values))),
    "sum": lambda values, rank: sum(_numbers(values)),
    "avg": _average,
    "min": lambda values, rank: min(values, key=rank, default=None),
    "max": lambda values, rank: max(values, key=rank, default=None),
}
