"""Random questions: filters with orders, pages and fields, groups and figures, and bad ones."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.oracle.conditions import Filters, mangled
from tests.oracle.evaluate import PAGE, Question
from tests.oracle.groups import Grouping
from tests.oracle.moments import PARTS
from tests.oracle.values import Json

FORBIDDEN = (
    "$where $function $accumulator $expr $text $jsonSchema $mod $type $bitsAllSet $comment $rand "
    "$natural $merge $out $lookup $unionWith $geoNear $collStats $currentOp $set $gtt $ $$ROOT"
).split()
_FORMATS = [
    "YYYY-MM-DD",
    "MMM YYYY",
    "dddd",
    "HH:mm",
    "[Q]Q/YY",
    "D.M. h A",
    "GGGG-[W]WW",
    "Do",
    "w W DDDD",
    "X",
]


@dataclass(frozen=True)
class Asked:
    """A question with its filter and its order in GraphQL's words, None where there are none."""

    question: Question
    where: Json | None
    order_by: list[Json] | None


class Asker(Filters):
    """Makes questions about one collection."""

    def asked(self) -> Asked:
        """A filter, an order, a page, and fields."""
        twin = self.filter()
        order, order_by = self._order()
        page = self.chance(2)
        question = Question(
            collection=self.name,
            q=twin.q,
            words=self._words(),
            order=order,
            skip=self.number(0, 4) if page else 0,
            max=self.number(1, 5) if page else PAGE,
            fields=self._shown() if self.chance(4) else {},
        )
        return Asked(question, twin.where, order_by)

    def grouping(self) -> Grouping:
        """Keys and figures as REST takes them, in a question without fields."""
        asked = self.asked().question
        keys = tuple(self._group_key() for _ in range(self.number(0, 2)))
        least = 0 if keys else 1
        figures = tuple(self._figure() for _ in range(self.number(least, 3)))
        return Grouping(
            question=asked,
            keys=keys,
            measures=figures,
            grand_total=bool(keys and figures) and self.chance(3),
            page_only=asked.max != PAGE,
        )

    def _group_key(self) -> str:
        path = self.place()
        if path.split(".")[0] not in ("born", "seen", "days", "address") and not self.chance(8):
            return path
        if self.chance(2):
            return f"${self.one(list(PARTS))}:{path}"
        return f"$DATE.{self.one(_FORMATS)}:{path}"

    def _figure(self) -> str:
        function = self.one(["COUNT", "SUM", "AVG", "MIN", "MAX", "sum"])
        return f"{function}:{self.one(['', 'of all']) if function == 'COUNT' else self.place()}"

    def place(self) -> str:
        """A path to values: of a field, inside of it, or behind a relation."""
        if self.chance(6):
            return str(self.one(["free", "free.k", "about.k", "_id", "_version"]))
        declared = self.one(self.fields)
        path = declared["name"]
        if declared.get("relation"):
            inner = ["", ".name", ".0.size", ".marks", "[0].name", ".on"]
        elif "fields" in declared:
            inner = [f".{each['name']}" for each in declared["fields"]]
            inner += [".0.kind", ".1.marks"] if declared.get("multiple") else []
        else:
            inner = ["", "", ".0"] if declared.get("multiple") else [""]
        return f"{path}{self.one(inner)}"

    def spoiled(self) -> Json:
        """A filter with an operator somewhere in it that no question may have."""
        q: Json = deepcopy(self.filter().q)
        there = self.one(list(_objects(q)))
        there[self.one(FORBIDDEN)] = self.one([1, "1", {}, [], {"$gt": 1}, "this.a == 1"])
        return q

    def _order(self) -> tuple[tuple[tuple[str, int], ...], list[Json] | None]:
        keys: list[tuple[str, int, Json | None]] = []
        for _ in range(self.number(0, 3)):
            key = self._key()
            # The elements of one list may not be ordered by twice: MongoDB pairs the keys.
            roots = {path.split(".")[0] for path, _, _ in keys if path != key[0]}
            if key[0].split(".")[0] not in roots:
                keys.append(key)
        order = tuple((path, direction) for path, direction, _ in keys)
        wheres = [twin for _, _, twin in keys]
        return order, None if None in wheres else [each for each in wheres if each is not None]

    def _key(self) -> tuple[str, int, Json | None]:
        direction = self.one([1, -1])
        word = "ASC" if direction > 0 else "DESC"
        if self.chance(6):
            path = self.one(["_id", "_version", "_created", "free", "about.k", "free.0"])
            return path, direction, {path: word} if path in ("_id", "_version") else None
        declared = self.one(self.fields)
        path = declared["name"]
        if declared.get("relation"):
            return f"{path}.{self.one(['name', 'size', '0.name', 'marks'])}", direction, None
        if "fields" in declared:
            inner = self.one(declared["fields"])["name"]
            many = declared.get("multiple", False)
            twin = None if many else {mangled(path): {inner: word}}
            return f"{path}.{inner}", direction, twin
        if declared.get("multiple") or declared["type"] == "JSON":
            return self.one([path, f"{path}.0"]), direction, None
        return path, direction, {mangled(path): word}

    def _words(self) -> str:
        return self.one(["A", "b c", "é", "10 a", "zz", "."]) if self.chance(12) else ""

    def _shown(self) -> Json:
        names = [each["name"] for each in self.fields if not each.get("relation")]
        paths = ["free", "about.k", "address.city", "parts.kind", "_version", *names]
        chosen = self.some(paths, 0, 3)
        outer = [each for each in chosen if each.split(".")[0] not in chosen or "." not in each]
        fields = dict.fromkeys(outer, self.one([0, 1]))
        if self.chance(3):
            fields["_id"] = self.one([0, 1])
        return {name: way for name, way in fields.items() if way or name != "_version"}


def _objects(value: Any) -> Iterator[Json]:
    """All objects in a filter, itself included."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from _objects(each)
