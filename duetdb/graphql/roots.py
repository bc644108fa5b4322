"""Root fields of queries, compiled: each becomes one service query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode

from duetdb.app.service.encoding import id_text
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Expansion, Match, Query
from duetdb.graphql.call import Call, Page, depends_on_time, page_of
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.cost import Pages
from duetdb.graphql.selection import Selection
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.values import parse_id


@dataclass
class Root(ABC):
    """One root field of an operation, under its response key."""

    key: str
    node: FieldNode
    nullable: bool

    @abstractmethod
    async def run(self, call: Call) -> Any:
        """The field's whole value; raises the service's errors and ``GraphQLError``."""

    def pages(self, limits: Limits) -> Pages | None:
        """How many documents it may read; None when it shows none."""
        return None


@dataclass
class ConstantRoot(Root):
    """What is the same in every answer, such as ``__typename`` of the query itself."""

    value: str | None

    async def run(self, call: Call) -> Any:
        return self.value


@dataclass
class ReadRoot(Root):
    """What all reads of one collection have: arguments and a selection, and what is constant."""

    collection: Collection
    arguments: Arguments
    selection: Selection

    def __post_init__(self) -> None:
        self.projection = self.selection.projection
        self._expansions: tuple[Expansion, ...] | None = None
        self._constant_expansions = self.selection.constant

    def pages(self, limits: Limits) -> Pages | None:
        return Pages((), 1, self.selection.pages)

    def expansions(self, call: Call) -> tuple[Expansion, ...]:
        """Those of the selection, made once if no variable has a say."""
        if self._expansions is not None:
            return self._expansions
        expansions = self.selection.expansions(call)
        if self._constant_expansions:
            self._expansions = expansions
        return expansions


@dataclass
class ByIdRoot(ReadRoot):
    """``xById``: one document, or null when there is none, whatever the id looks like."""

    async def run(self, call: Call) -> Any:
        given = self.arguments.read(call.variables)["id"]
        id_ = parse_id(self.collection, given)
        if id_ is None:
            call.service.admit("GET", (self.collection.name, given), call.principal)
            return None
        query = Query(
            collection=self.collection,
            filter=Match("_id", "eq", id_),
            max=1,
            projection=self.projection,
            expand=self.expansions(call),
            described=self.selection.described,
            address=(self.collection.name, id_text(id_)),
        )
        rows = self.selection.rows(await call.service.find(query, call.principal))
        return rows[0] if rows else None


@dataclass
class ListRoot(ReadRoot):
    """``xs``: one page of documents."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._page: Page | None = None

    def pages(self, limits: Limits) -> Pages | None:
        return Pages(self.arguments.sizes("max"), limits.page_default, self.selection.pages)

    async def run(self, call: Call) -> Any:
        page = self._page or self._read_page(call)
        if page.max == 0:
            call.service.admit("GET", (self.collection.name,), call.principal)
            return []
        query = Query(
            collection=self.collection,
            filter=page.filter,
            order=page.order,
            skip=page.skip,
            max=page.max,
            projection=self.projection,
            expand=self.expansions(call),
            described=self.selection.described,
        )
        return self.selection.rows(await call.service.find(query, call.principal))

    def _read_page(self, call: Call) -> Page:
        arguments = self.arguments.read(call.variables)
        limits = call.service.limits
        page = page_of(self.collection, arguments, call.model, limits, limits.page_default)
        if self.arguments.constant and not depends_on_time(arguments):
            self._page = page
        return page
