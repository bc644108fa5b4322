"""Asks both interfaces about one collection and holds the answers against each other."""

from __future__ import annotations

import json
from typing import Any

import httpx

from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.model import Collection

Row = dict[str, Any]

_MEDIA = ("image", "file")


class Talk:
    """One collection on both interfaces; every method answers in REST's words."""

    def __init__(self, client: httpx.AsyncClient, collection: Collection) -> None:
        self.collection = collection
        self._client = client
        self.url = f"/rest/{collection.name}"
        self._selection = " ".join(
            ["_id _version _extra", *(_selected(each) for each in collection.fields)]
        )

    async def rest(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        """A request below the collection's URL."""
        answer = await self._client.request(method, self.url + path, **options)
        assert answer.status_code < 500, answer.text
        return answer

    async def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """An operation; the whole answer."""
        answer = await self._client.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code < 500, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def by_id(self, identity: str) -> tuple[Row | None, Row | None]:
        """The document as REST shows it and as GraphQL does, both in REST's words."""
        answer = await self.rest("GET", f"/{identity}", params={"metafields": "true"})
        shown = answer.json() if answer.status_code == 200 else None
        name = self.collection.names.by_id
        body = await self.graphql(
            f"query($id: ID!) {{ {name}(id: $id) {{ {self._selection} }} }}", {"id": identity}
        )
        assert "errors" not in body, body
        row = body["data"][name]
        return (
            None if shown is None else self.seen_by_rest(shown),
            None if row is None else self.seen_by_graphql(row),
        )

    async def find(
        self,
        query: dict[str, Any],
        where: dict[str, Any],
        order: list[tuple[Field, bool]],
        page: Row,
    ) -> tuple[list[Row], list[Row], list[Row]]:
        """The same page by REST, by a typed ``where`` and by ``q`` in GraphQL."""
        params = [("sort", field.name) for field, _ in order]
        params += [("dir", "-1" if descending else "1") for _, descending in order]
        params += [("skip", page["skip"]), ("max", page["max"]), ("metafields", "true")]
        answer = await self.rest("GET", params=[("q", json.dumps(query)), *params])
        assert answer.status_code == 200, answer.text
        order_by = [{f.graphql_name: "DESC" if down else "ASC"} for f, down in order]
        typed = await self._find_graphql("where", where, order_by, page)
        loose = await self._find_graphql("q", query, order_by, page)
        return [self.seen_by_rest(each) for each in answer.json()], typed, loose

    async def _find_graphql(
        self, argument: str, value: Any, order_by: list[Row], page: Row
    ) -> list[Row]:
        names = self.collection.names
        kinds = {"where": f"{names.type}Where", "q": "JSON"}
        body = await self.graphql(
            f"query($value: {kinds[argument]}, $order: [{names.type}OrderBy!], $skip: Int, "
            f"$max: Int) {{ {names.root}({argument}: $value, orderBy: $order, skip: $skip, "
            f"max: $max) {{ {self._selection} }} }}",
            {"value": value, "order": order_by, **page},
        )
        assert "errors" not in body, body
        return [self.seen_by_graphql(row) for row in body["data"][names.root]]

    async def create(self, document: Row) -> dict[str, Any]:
        """``create`` in GraphQL from a document in REST's words; the whole answer."""
        names = self.collection.names
        return await self.graphql(
            f"mutation($data: {names.type}Input!) {{ {names.create}(data: $data) {{ _id }} }}",
            {"data": self.for_graphql(document)},
        )

    async def update(self, identity: str, changes: Row) -> dict[str, Any]:
        """``update`` in GraphQL from changes in REST's words; the whole answer."""
        names = self.collection.names
        return await self.graphql(
            f"mutation($id: ID!, $data: {names.type}Input!) "
            f"{{ {names.update}(id: $id, data: $data) {{ _id }} }}",
            {"id": identity, "data": self.for_graphql(changes)},
        )

    def for_graphql(self, document: Row) -> Row:
        """The same values under GraphQL's names; undeclared ones under ``_extra``."""
        declared = _renamed(document, self.collection.fields)
        extra = {k: v for k, v in document.items() if k not in self.collection.by_name}
        return {**declared, "_extra": extra} if extra else declared

    def seen_by_rest(self, shown: Row) -> Row:
        """What a REST answer says: declared fields, undeclared ones, version."""
        kept = {k: v for k, v in shown.items() if not k.startswith("_") or k in ("_id", "_version")}
        kept["_version"] = kept.get("_version")
        for field in self.collection.fields:
            if field.relation is Relation.CHILD:
                kept.pop(field.name, None)
            elif field.relation is not None:
                kept[field.name] = [each["_id"] for each in kept.get(field.name) or []]
        return without_nulls(kept)

    def seen_by_graphql(self, row: Row) -> Row:
        """What a GraphQL answer says, put together again as REST would show it."""
        kept: Row = {"_id": row["_id"], "_version": row["_version"]}
        for field in self.collection.fields:
            if field.relation is Relation.CHILD:
                continue
            value = row[field.graphql_name]
            if field.relation is not None:
                listed = value if isinstance(value, list) else [value] if value else []
                value = [each["_id"] for each in listed]
            kept[field.name] = _restored(value, field)
        return _merged(without_nulls(kept), row["_extra"] or {})


def _selected(field: Field) -> str:
    if field.relation is not None:
        return f"{field.graphql_name} {{ _id }}"
    if field.fields:
        parts = " ".join(_selected(each) for each in field.fields)
        return f"{field.graphql_name} {{ {parts} _extra }}"
    if field.type.name in _MEDIA:
        return f"{field.graphql_name} {{ id }}"
    return field.graphql_name


def _renamed(document: Row, fields: tuple[Field, ...]) -> Row:
    return {
        field.graphql_name: _inside(document[field.name], field)
        for field in fields
        if field.name in document
    }


def _inside(value: Any, field: Field) -> Any:
    if isinstance(value, list):
        return [_inside(each, field) for each in value]
    return _renamed(value, field.fields) if field.fields and isinstance(value, dict) else value


def _restored(value: Any, field: Field) -> Any:
    if isinstance(value, list) and field.type.name in _MEDIA:
        return [each["id"] for each in value]
    if isinstance(value, list) and field.fields:
        return [_restored(each, field) for each in value]
    if isinstance(value, dict) and field.fields:
        parts = {part.name: _restored(value[part.graphql_name], part) for part in field.fields}
        return _merged(without_nulls(parts), value["_extra"] or {})
    return value


def without_nulls(value: Any) -> Any:
    """Absent, null and an empty reference list say the same on both interfaces."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None and v != []}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def _merged(row: Row, extra: Row) -> Row:
    for name, raw in without_nulls(extra).items():
        if isinstance(row.get(name), dict) and isinstance(raw, dict):
            _merged(row[name], raw)
        else:
            row[name] = raw
    return row
