"""Random questions about groups in GraphQL's words, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle.aggregates import Aggregation, Figure, GroupKey
from tests.oracle.conditions import POOLS, Filters, Twin, joined, mangled
from tests.oracle.evaluate import PAGE, Question
from tests.oracle.values import Json

_SPANS = {
    "date": ["YEAR", "MONTH", "WEEK", "DAY"],
    "datetime": ["YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"],
}
_ZONES = [None, "UTC", "Europe/Oslo", "America/New_York", "Asia/Kolkata", "+05:30", "-02:00"]
_NUMBERS = ("number", "float_number")
_ORDERED = (*_NUMBERS, "text", "date", "datetime")
_COMPARISONS = ["$eq", "$ne", "$in", "$gt", "$gte", "$lt", "$lte", "$bt"]


@dataclass(frozen=True)
class Leaf:
    """A field with values: its way in GraphQL and in storage, and its type."""

    names: tuple[str, ...]
    path: str
    kind: str


@dataclass(frozen=True)
class Chosen:
    """A figure, and the way to it in GraphQL."""

    figure: Figure
    names: tuple[str, ...]

    def around(self, inner: Any) -> Any:
        """``inner`` where the figure is: ``{"sum": {"age": inner}}``."""
        for name in reversed(self.names):
            inner = {name: inner}
        return inner


@dataclass(frozen=True)
class AskedFigures:
    """A question, and the arguments and the selection that ask it."""

    aggregation: Aggregation
    arguments: Json
    selection: str


class FigureAsker(Filters):
    """Makes questions about the groups of one collection."""

    def aggregation(self) -> AskedFigures:
        """Keys, figures, what is kept, and an order."""
        twin = self.filter()
        leaves = list(_leaves(self.fields))
        drawn = [self._key(leaves) for _ in range(self.number(0, 2))]
        keys = tuple({each.name: each for each in drawn}.values())
        chosen = [self._figure(leaves) for _ in range(self.number(1, 4))]
        shown = self.number(1, len(chosen))
        having = self._having(chosen) if self.chance(3) else Twin({}, None)
        order = [self._order(keys, chosen) for _ in range(self.number(0, 2))]
        most = self.number(1, 4) if self.chance(3) else PAGE
        zone = self.one(_ZONES) if any(each.bucket for each in keys) else None
        aggregation = Aggregation(
            question=Question(collection=self.name, q=twin.q),
            keys=keys,
            figures=tuple(each.figure for each in chosen),
            shown=shown,
            zone=zone,
            having=having.q,
            order=tuple((name, direction) for name, direction, _ in order),
            max=most,
        )
        arguments: Json = {
            "groupBy": [each.name for each in keys],
            "timeZone": zone,
            "having": having.where,
            "orderBy": [words for _, _, words in order],
            "max": most,
            "q": twin.q if twin.where is None else None,
            "where": twin.where,
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        return AskedFigures(aggregation, given, _selection(chosen[:shown]))

    def _key(self, leaves: Sequence[Leaf]) -> GroupKey:
        leaf = self.one(leaves)
        name = "_".join(leaf.names)
        if leaf.kind not in _SPANS or self.chance(3):
            return GroupKey(name, leaf.path)
        span = self.one(_SPANS[leaf.kind])
        return GroupKey(f"{name}_{span}", leaf.path, span)

    def _figure(self, leaves: Sequence[Leaf]) -> Chosen:
        """Of those that there are for the type of a field; ``count`` is of none."""
        leaf = self.one(leaves)
        functions = ["count"] if leaf.kind == "system" else ["count", "countDistinct"]
        functions += ["sum", "avg"] * 2 if leaf.kind in _NUMBERS else []
        functions += ["min", "max"] if leaf.kind in _ORDERED else []
        function = self.one(functions)
        if function == "count":
            return Chosen(Figure("count"), ("count",))
        return Chosen(Figure(function, leaf.path, leaf.kind), (function, *leaf.names))

    def _having(self, chosen: Sequence[Chosen]) -> Twin:
        parts = [self._kept(chosen) for _ in range(self.number(1, 2))]
        if len(parts) == 1 and self.chance(2):
            return parts[0]
        return joined(self.one(["and", "or"]) if len(parts) > 1 else "not", parts)

    def _kept(self, chosen: Sequence[Chosen]) -> Twin:
        """A comparison of one of the figures."""
        place = self.number(0, len(chosen) - 1)
        figure = chosen[place].figure
        counts = figure.function.startswith("count")
        pool = [0, 1, 2, 3] if counts else POOLS[figure.kind]
        operator = self.one(_COMPARISONS)
        value = self.one(pool)
        if operator in ("$in", "$bt"):
            value = [value, self.one(pool)]
        where = chosen[place].around({operator[1:]: value})
        return Twin({f"f{place}": {operator: value}}, where)

    def _order(self, keys: Sequence[GroupKey], chosen: Sequence[Chosen]) -> tuple[str, int, Json]:
        direction = self.one([1, -1])
        word = "ASC" if direction > 0 else "DESC"
        if keys and self.chance(2):
            place = self.number(0, len(keys) - 1)
            return f"k{place}", direction, {"group": {keys[place].name: word}}
        place = self.number(0, len(chosen) - 1)
        return f"f{place}", direction, chosen[place].around(word)


def _leaves(fields: Sequence[Json]) -> Iterator[Leaf]:
    """All declared values, those inside of objects too; ``_version`` is always there."""
    yield Leaf(("_version",), "_version", "system")
    for each in fields:
        name = each["name"]
        if each.get("relation"):
            yield Leaf((name,), name, "id")
        elif "fields" in each:
            for inner in each["fields"]:
                path = f"{name}.{inner['name']}"
                yield Leaf((mangled(name), mangled(inner["name"])), path, inner["type"])
        elif each["type"] != "JSON":
            yield Leaf((mangled(name),), name, each["type"])


def _selection(chosen: Sequence[Chosen]) -> str:
    """``f0: sum { age } f1: count``."""
    found = []
    for place, each in enumerate(chosen):
        inner = " { ".join(each.names) + " }" * (len(each.names) - 1)
        found.append(f"f{place}: {inner}")
    return " ".join(found)
