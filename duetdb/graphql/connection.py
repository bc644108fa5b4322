"""Connections: pages by keyset cursors, which stay where they are while documents come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from graphql import FieldNode, GraphQLObjectType, get_named_type

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import And, Document, Order, Query
from duetdb.app.service.reading.keyset import beyond, check_places, cursor_of, keys_of, position_of
from duetdb.graphql.call import Call, Page, count_of, page_of
from duetdb.graphql.cost import Pages
from duetdb.graphql.members import Members
from duetdb.graphql.roots import ReadRoot
from duetdb.graphql.selection import Compiler, Level

PAGE = 100
"""Documents of a page when neither ``first`` nor ``last`` is given."""


@dataclass(frozen=True)
class Found:
    """One page as it was read, in the order asked for."""

    documents: Sequence[Document]
    order: tuple[Order, ...]
    has_next: bool
    has_previous: bool
    total: int | None

    def cursor(self, index: int) -> str | None:
        return cursor_of(self.order, self.documents[index]) if self.documents else None


_OF_LISTS = ("where", "filter", "orderBy")
"""Arguments that mean what they mean for a list."""

Part = Callable[[Found], Any]
"""Makes the value of one response key."""


@dataclass
class ConnectionRoot(ReadRoot):
    """``xConnection``; ``parts`` make the answer from the page that was read."""

    parts: Mapping[str, Part]
    counted: bool
    """Whether ``totalCount`` is selected."""
    paged: bool
    """Whether anything else is."""

    def pages(self, limits: Limits) -> Pages | None:
        return Pages(self.arguments.sizes("first", "last"), PAGE, self.selection.pages)

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        limits = call.service.limits
        plain = {name: arguments[name] for name in _OF_LISTS if name in arguments}
        page = page_of(self.collection, plain, call.model, limits, PAGE)
        order = keys_of(self.collection, page.order)
        size, backward = _size(arguments, limits.page_ceiling)
        query = self._query(call, page, order, arguments, backward)
        total, documents = await asyncio.gather(
            self._count(call, page), self._read(call, replace(query, max=size + 1))
        )
        more = len(documents) > size
        documents = documents[:size]
        check_places(order, documents)
        if backward:
            documents.reverse()
        found = Found(
            documents,
            order,
            has_next=arguments.get("before") is not None if backward else more,
            has_previous=more if backward else arguments.get("after") is not None,
            total=total,
        )
        return {key: part(found) for key, part in self.parts.items()}

    def _query(
        self,
        call: Call,
        page: Page,
        order: tuple[Order, ...],
        arguments: Mapping[str, Any],
        backward: bool,
    ) -> Query:
        filters = [page.filter]
        for name in ("after", "before"):
            cursor = arguments.get(name)
            if cursor is not None:
                position = position_of(self.collection, order, cursor)
                filters.append(beyond(order, position, backward=name == "before"))
        if backward:
            order = tuple(replace(each, descending=not each.descending) for each in order)
        projection = self.projection
        if projection.include:
            paths = (*projection.paths, *(each.path for each in order))
            projection = replace(projection, paths=paths)
        return Query(
            collection=self.collection,
            filter=filters[0] if len(filters) == 1 else And(tuple(filters)),
            order=order,
            projection=projection,
            expand=self.expansions(call),
            described=self.selection.described,
        )

    async def _count(self, call: Call, page: Page) -> int | None:
        if not self.counted:
            return None
        query = Query(collection=self.collection, filter=page.filter)
        return await call.service.count(query, call.principal)

    async def _read(self, call: Call, query: Query) -> list[Document]:
        if not self.paged:
            return []
        return await call.service.find(query, call.principal)


def _size(arguments: Mapping[str, Any], ceiling: int) -> tuple[int, bool]:
    """How many documents, and whether they are counted from the end."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is not None and last is not None:
        raise BadQuery("Give 'first' or 'last', not both.")
    if last is not None:
        return count_of("last", last, PAGE, ceiling - 1), True
    return count_of("first", first, PAGE, ceiling - 1), False


@dataclass(frozen=True)
class Parts:
    """Compiles what is selected of a connection."""

    compiler: Compiler
    members: Members
    level: Level

    def connection(
        self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]
    ) -> tuple[dict[str, Part], set[str]]:
        """The parts by response key, and the names of the fields that are selected."""
        parts: dict[str, Part] = {}
        names: set[str] = set()
        for key, name, inner, fields in self._fields(type_, nodes):
            names.add(name)
            if name == "edges":
                parts[key] = self._edges(inner, fields)
            elif name == "pageInfo":
                parts[key] = self._page_info(inner, fields)
            elif name == "totalCount":
                parts[key] = lambda found: found.total
            else:
                parts[key] = _always(type_.name)
        return parts, names

    def _fields(
        self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]
    ) -> Iterator[tuple[str, str, Any, list[FieldNode]]]:
        sets = (each.selection_set for each in nodes)
        for key, fields in self.compiler.fields(type_.name, sets).items():
            name = fields[0].name.value
            definition = type_.fields.get(name)
            yield key, name, definition and get_named_type(definition.type), fields

    def _edges(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Part:
        columns: dict[str, Callable[[Found], Sequence[Any]]] = {}
        for key, name, inner, fields in self._fields(type_, nodes):
            self.level.shown[type_.name, name] += 1
            if name == "node":
                columns[key] = self._nodes(cast(GraphQLObjectType, inner), fields)
            elif name == "cursor":
                columns[key] = _cursors
            else:
                columns[key] = _repeated(type_.name)

        def edges(found: Found) -> list[dict[str, Any]]:
            values = [column(found) for column in columns.values()]
            return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]

        return edges

    def _nodes(
        self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]
    ) -> Callable[[Found], Sequence[Any]]:
        rows = self.level.rows(type_, self.members, nodes)
        return lambda found: rows(found.documents)

    def _page_info(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Part:
        parts = {
            key: _PAGE_INFO.get(name) or _always(type_.name)
            for key, name, _, _ in self._fields(type_, nodes)
        }
        return lambda found: {key: part(found) for key, part in parts.items()}


_PAGE_INFO: Mapping[str, Part] = {
    "hasNextPage": lambda found: found.has_next,
    "hasPreviousPage": lambda found: found.has_previous,
    "startCursor": lambda found: found.cursor(0),
    "endCursor": lambda found: found.cursor(-1),
}


def _always(value: str) -> Part:
    return lambda found: value


def _repeated(value: str) -> Callable[[Found], Sequence[Any]]:
    return lambda found: [value] * len(found.documents)


def _cursors(found: Found) -> Sequence[Any]:
    return [cursor_of(found.order, each) for each in found.documents]
