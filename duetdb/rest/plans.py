"""What REST needs to know of each collection, compiled once per schema version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Expansion, Projection, Query
from duetdb.rest.openapi_paths import Fragment, described, encoded
from duetdb.rest.swagger import downgraded_paths, downgraded_schemas
from duetdb.schema_gen.model import ALWAYS_VISIBLE, SYSTEM_FIELDS, Collection, Schema

HIDDEN: tuple[str, ...] = (
    *(name for name in SYSTEM_FIELDS if name not in ALWAYS_VISIBLE),
    "_haschildren",
    "_children",
)
"""The system fields that only ``metafields=true`` shows (SPEC 4.2)."""

EVERY_FIELD = Projection()
PLAIN_FIELDS = Projection(HIDDEN)
"""What a GET shows: hidden fields are not even fetched."""


@dataclass(frozen=True)
class Plan:
    """One collection as REST reads it.

    ``expand`` and ``children`` are the levels of related documents to attach,
    without and with meta fields. ``sources`` are the collections from which
    they were made: while those are the same objects, so is the plan, unless one
    of the ``absent``, which a relation leads to, is there again.
    """

    collection: Collection
    expand: tuple[tuple[Expansion, ...], tuple[Expansion, ...]]
    children: tuple[tuple[Expansion, ...], tuple[Expansion, ...]]
    sources: tuple[Collection, ...]
    absent: frozenset[str]
    first_page: Query

    @cached_property
    def holders(self) -> frozenset[str]:
        """The top-level fields that hold references inside of them."""
        paths = (each.path.split(".") for each in self.collection.relations)
        return frozenset(path[0] for path in paths if len(path) > 1)

    @cached_property
    def openapi(self) -> Fragment:
        """Its share of ``/openapi.json``, made when first asked for."""
        return encoded(*described(self.collection, self.sources))

    @cached_property
    def swagger(self) -> Fragment:
        """Its share of ``/rest/_swagger.json``."""
        paths, schemas = described(self.collection, self.sources)
        return encoded(downgraded_paths(paths), downgraded_schemas(schemas))


@dataclass(frozen=True)
class RestPart:
    """REST's part of one schema generation; ``documents`` caches its API descriptions."""

    schema: Schema
    plans: Mapping[str, Plan]
    documents: dict[str, bytes] = field(default_factory=dict)


def build_part(schema: Schema, previous: Any, limits: Limits) -> RestPart:
    """The plans of a schema; those whose collections did not change are taken over."""
    builder = _Builder(schema, limits)
    old: Mapping[str, Plan] = previous.plans if isinstance(previous, RestPart) else {}
    plans = {
        name: _still_true(old.get(name), schema) or builder.plan(collection)
        for name, collection in schema.collections.items()
    }
    return RestPart(schema, plans)


def _still_true(plan: Plan | None, schema: Schema) -> Plan | None:
    true = (
        plan is not None
        and plan.absent.isdisjoint(schema.collections)
        and all(schema.collections.get(each.name) is each for each in plan.sources)
    )
    return plan if true else None


class _Builder:
    """Makes plans; expansions of the same collection and depth are shared."""

    def __init__(self, schema: Schema, limits: Limits) -> None:
        self._collections = schema.collections
        self._limits = limits
        self._made: dict[tuple[str, int, bool], tuple[Expansion, ...]] = {}

    def plan(self, collection: Collection) -> Plan:
        depth = self._limits.expand_depth - 1
        expand = (
            self._references(collection, depth, False),
            self._references(collection, depth, True),
        )
        children = (
            self._children(collection, depth - 1, False),
            self._children(collection, depth - 1, True),
        )
        targets = _led_to(collection) & self._collections.keys()
        sources = {name: self._collections[name] for name in (collection.name, *targets)}
        for target in _collections_of((*expand[0], *children[0])):
            sources[target.name] = target
        led = frozenset().union(*map(_led_to, sources.values()))
        first_page = Query(
            collection=collection,
            max=self._limits.page_default,
            projection=PLAIN_FIELDS,
            expand=expand[0],
        )
        return Plan(
            collection,
            expand,
            children,
            tuple(sources.values()),
            led - self._collections.keys(),
            first_page,
        )

    def _references(self, collection: Collection, depth: int, meta: bool) -> tuple[Expansion, ...]:
        """The depth is the cycle guard: below it, references stay lists of ids."""
        if depth < 1:
            return ()
        key = (collection.name, depth, meta)
        if key not in self._made:
            self._made[key] = tuple(
                Expansion(each, self._query(target, depth - 1, meta, None), each.name)
                for each in collection.relations
                if (target := self._collections.get(each.collection or ""))
            )
        return self._made[key]

    def _children(self, collection: Collection, depth: int, meta: bool) -> tuple[Expansion, ...]:
        return tuple(
            Expansion(each, self._query(target, depth, meta, self._limits.page_default), each.name)
            for each in collection.children
            if (target := self._collections.get(each.collection or ""))
        )

    def _query(self, target: Collection, depth: int, meta: bool, page: int | None) -> Query:
        return Query(
            collection=target,
            max=page,
            projection=EVERY_FIELD if meta else PLAIN_FIELDS,
            expand=self._references(target, depth, meta),
        )


def _led_to(collection: Collection) -> frozenset[str]:
    """The names of the collections that its relations lead to."""
    return frozenset(
        each.collection or "" for each in (*collection.relations, *collection.children)
    )


def _collections_of(expansions: tuple[Expansion, ...]) -> Iterator[Collection]:
    for each in expansions:
        yield each.query.collection
        yield from _collections_of(each.query.expand)
