"""A second executor: graphql-core's own, with a resolver for each field, over the raw documents.

It knows the metadata of the library and nothing of plans, queries or the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from bson import ObjectId
from bson.decimal128 import Decimal128
from graphql import ExecutionResult, GraphQLSchema, execute_sync, parse

from tests.voice_graphql.conftest import AUTHORS, BOOKS, REVIEWS, Json
from tests.voice_graphql.oracle_groups import Figures, Group, groups_of

LIBRARY: Mapping[str, Json] = {each["name"]: each for each in (AUTHORS, BOOKS, REVIEWS)}
SYSTEM = {
    "_id": "id",
    "_created": "date",
    "_changed": "date",
    "_createdby": "text",
    "_version": "number",
    "_parent_id": "id",
    "_parent_def": "text",
    "_parent_field": "text",
}
REVERSE = {
    "booksByAuthor": ("books", "author"),
    "booksByEditors": ("books", "editors"),
    "authorsByMentor": ("authors", "mentor"),
    "reviewsByBy": ("reviews", "by"),
}
TOLD = "_created _createdby app origname file mediatype exif filesize width height".split()
"""What is null of a file that is gone."""
NAMES = {"read_at": "read-at"}
"""GraphQL names that are not the stored ones."""


@dataclass(frozen=True)
class Row:
    """A document, or an object inside one, with the fields that are declared of it."""

    collection: str
    fields: Mapping[str, Json]
    stored: Json


@dataclass(frozen=True)
class Page:
    """One page of a connection."""

    rows: list[Row]
    total: int
    more: bool
    backward: bool


class Oracle:
    """Answers operations from documents that were read beforehand."""

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: Mapping[str, list[Json]],
        files: Mapping[str, Json] | None = None,
    ) -> None:
        """``files`` are what is told of them, by their ids."""
        self._schema = schema
        self._files = files or {}
        self._documents = {
            name: [Row(name, _declared(LIBRARY[name]["fields"]), each) for each in stored]
            for name, stored in documents.items()
        }

    def answer(self, query: str, variables: Json) -> Any:
        """``data`` as the standard executor makes it; fails if it has errors."""
        result = execute_sync(
            self._schema, parse(query), variable_values=variables, field_resolver=self._resolve
        )
        assert isinstance(result, ExecutionResult)
        assert result.errors is None, result.errors
        return result.data

    def _resolve(self, source: Any, info: Any, **arguments: Any) -> Any:
        name = info.field_name
        if isinstance(source, Row):
            return self._field(source, name, arguments)
        if isinstance(source, Page):
            return _part(source, name)
        if isinstance(source, Group | Figures):
            return source.field(name)
        if isinstance(source, dict):
            return source[name]
        return self._root(name, arguments)

    def _root(self, name: str, arguments: Json) -> Any:
        if name.endswith("ById"):
            found = [
                each
                for each in self._documents[name.removesuffix("ById")]
                if str(each.stored["_id"]) == arguments["id"]
            ]
            return found[0] if found else None
        if name.endswith("Connection"):
            return self._connection(self._documents[name.removesuffix("Connection")], arguments)
        if name.endswith("Aggregate"):
            rows = self._documents[name.removesuffix("Aggregate")]
            where = arguments.get("where") or {}
            stored = [each.stored for each in rows if self._holds(each, where)]
            return groups_of(stored, arguments, _rank)
        return self._page(self._documents[name], arguments, 1000)

    def _connection(self, rows: list[Row], arguments: Json) -> Page:
        found = self._page(rows, {**arguments, "max": None}, 10**6)
        last = arguments.get("last")
        if last is not None:
            kept = found[max(len(found) - last, 0) :]
        else:
            first = arguments.get("first")
            kept = found[: 100 if first is None else first]
        return Page(kept, len(found), len(found) > len(kept), last is not None)

    def _page(self, rows: Iterable[Row], arguments: Json, default: int) -> list[Row]:
        where = arguments.get("where") or {}
        found = [each for each in rows if self._holds(each, where)]
        keys = arguments.get("orderBy") or []
        down = False
        order = []
        for key in keys:
            ((name, direction),) = key.items()
            down = getattr(direction, "value", direction) == "DESC"
            order.append((name, down))
        for name, descending in reversed([*order, ("_id", down)]):
            found.sort(key=_sort_key(name), reverse=descending)
        skip, most = arguments.get("skip") or 0, arguments.get("max")
        return found[skip : skip + (default if most is None else most)]

    def _holds(self, row: Row, where: Json) -> bool:
        return all(self._condition(row, name, each) for name, each in where.items())

    def _condition(self, row: Row, name: str, condition: Any) -> bool:
        if name == "and":
            return all(self._holds(row, each) for each in condition)
        if name == "or":
            return any(self._holds(row, each) for each in condition)
        if name == "not":
            return not self._holds(row, condition)
        field = row.fields.get(name, {})
        if field.get("relation"):
            if field["relation"] == "child":
                related = self._field(row, name, {"max": 10**6})
            else:
                related = self._by_ids(field["type"], _ids(row, name))
            return any(self._holds(each, condition) for each in related)
        stored = row.stored.get(NAMES.get(name, name))
        return all(_COMPARISONS[each](stored, value) for each, value in condition.items())

    def _field(self, row: Row, name: str, arguments: Json) -> Any:
        stored = row.stored
        if name == "_extra":
            return _extra(row)
        if name in REVERSE:
            collection, link = REVERSE[name]
            rows = [
                each for each in self._documents[collection] if stored["_id"] in _ids(each, link)
            ]
            return self._page(rows, arguments, 100)
        if name == "booksByReviews":
            return next(iter(self._by_ids("books", [stored.get("_parent_id")])), None)
        if name in SYSTEM:
            return _shown(SYSTEM[name], stored.get(name))
        field = row.fields[name]
        relation = field.get("relation")
        if relation == "child":
            rows = [
                each
                for each in self._documents[field["type"]]
                if each.stored.get("_parent_id") == stored["_id"]
                and each.stored.get("_parent_field") == name
            ]
            return self._page(rows, arguments, 100)
        if relation is not None:
            found = self._by_ids(field["type"], _ids(row, name))
            return found if relation == "many" else next(iter(found), None)
        if field["type"] == "image":
            return self._pictures(field, stored.get(field["name"]))
        return _value(field, stored.get(field["name"]), row.collection)

    def _pictures(self, field: Json, stored: Any) -> list[SimpleNamespace] | None:
        if not _fits(field, stored) or stored is None:
            return None
        return [
            SimpleNamespace(
                **{**dict.fromkeys(TOLD), **self._files.get(str(each), {}), "_id": str(each)},
                id=str(each),
                url=f"/media/{each}",
                thumbnail_url=f"/media/{each}?s=t",
                web_url=f"/media/{each}?s=w",
            )
            for each in stored
        ]

    def _by_ids(self, collection: str, ids: list[Any]) -> list[Row]:
        by_id = {each.stored["_id"]: each for each in self._documents[collection]}
        return [by_id[each] for each in dict.fromkeys(ids) if each in by_id]


def _declared(fields: Iterable[Json]) -> dict[str, Json]:
    names = {stored: shown for shown, stored in NAMES.items()}
    return {names.get(each["name"], each["name"]): each for each in fields}


def _part(page: Page, name: str) -> Any:
    if name == "edges":
        return [{"node": each} for each in page.rows]
    if name == "totalCount":
        return page.total
    assert name == "pageInfo"
    return SimpleNamespace(
        has_next_page=page.more and not page.backward,
        has_previous_page=page.more and page.backward,
    )


def _ids(row: Row, name: str) -> list[Any]:
    stored = row.stored.get(name)
    return stored if isinstance(stored, list) else [stored] if stored is not None else []


def _value(field: Json, stored: Any, collection: str) -> Any:
    """A declared field's value, null where what is stored is not of its type."""
    if field["type"] == "object":
        rows = stored if isinstance(stored, list) else [stored]
        if stored is None or isinstance(stored, list) != bool(field.get("multiple")):
            return None
        if not all(isinstance(each, dict) for each in rows):
            return None
        inner = [Row(collection, _declared(field["fields"]), each) for each in rows]
        return inner if field.get("multiple") else inner[0]
    if not _fits(field, stored) or stored is None:
        return None
    if field.get("multiple"):
        return [_shown(field["type"], each) for each in stored]
    return _shown(field["type"], stored)


def _shown(kind: str, stored: Any) -> Any:
    if stored is None or not _KINDS[kind](stored):
        return None
    if kind == "id":
        return str(stored)
    if kind == "money":
        return float(stored.to_decimal()) if isinstance(stored, Decimal128) else stored
    return stored


def _fits(field: Json, stored: Any) -> bool:
    if stored is None:
        return True
    if field.get("multiple") or field["type"] == "image":
        return isinstance(stored, list) and all(_KINDS[field["type"]](each) for each in stored)
    return _KINDS[field["type"]](stored)


def _extra(row: Row) -> Json:
    """What no field of the row shows."""
    by_name = {each["name"]: each for each in row.fields.values()}
    return {
        name: each
        for name, each in row.stored.items()
        if not _is_shown(by_name.get(name), name, each, "_id" in row.stored)
    }


def _is_shown(field: Json | None, name: str, stored: Any, whole: bool) -> bool:
    if field is None:
        known = {**SYSTEM, "_changedby": "text", "_tags": "text", "_keywords": "JSON"}
        return whole and name in known and (stored is None or _KINDS[known[name]](stored))
    if field.get("relation"):
        return field["relation"] != "child"
    if field["type"] == "object":
        listed = isinstance(stored, list)
        rows = stored if listed else [stored]
        shape = listed == bool(field.get("multiple")) and all(isinstance(e, dict) for e in rows)
        return stored is None or shape
    return _fits(field, stored)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "id": lambda value: True,
    "text": lambda value: isinstance(value, str),
    "option": lambda value: isinstance(value, str),
    "number": lambda value: _is_number(value) and value == int(value),
    "float_number": _is_number,
    "money": lambda value: _is_number(value) or isinstance(value, Decimal128),
    "bool": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, datetime),
    "datetime": lambda value: isinstance(value, datetime),
    "time": lambda value: isinstance(value, datetime),
    "JSON": lambda value: True,
    "geo": lambda value: isinstance(value, dict),
    "image": lambda value: isinstance(value, str | ObjectId),
}


def _rank(value: Any) -> tuple[int, Any]:
    """A place in MongoDB's order, for nulls, numbers, texts and ids."""
    if value is None:
        return 0, 0
    if _is_number(value):
        return 1, value
    return (2, value.encode()) if isinstance(value, str) else (3, str(value))


def _sort_key(name: str) -> Callable[[Row], tuple[int, Any]]:
    return lambda row: _rank(row.stored.get(name))


def _same_kind(one: Any, other: Any) -> bool:
    return _rank(one)[0] == _rank(other)[0]


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda stored, value: _rank(stored) == _rank(value),
    "ne": lambda stored, value: _rank(stored) != _rank(value),
    "in": lambda stored, values: any(_rank(stored) == _rank(each) for each in values),
    "gt": lambda stored, value: _same_kind(stored, value) and _rank(stored) > _rank(value),
    "lte": lambda stored, value: _same_kind(stored, value) and _rank(stored) <= _rank(value),
}
