"""The GraphQL side of one schema generation: types of every collection, roots, and the planner.

Types are built straight in graphql-core and kept: a change builds those of the
changed collection, and of collections whose types lead to it, and no others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, cast

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.app.service.limits import Limits
from duetdb.app.service.mail.outbox import Outbox
from duetdb.graphql import keys as key_fields
from duetdb.graphql import mail as mail_fields
from duetdb.graphql.introspection import KeptAnswers
from duetdb.graphql.kept_texts import Budget
from duetdb.graphql.members import Members, members_of
from duetdb.graphql.operations import Operations
from duetdb.graphql.plan import NOTHING, Planner, RootField
from duetdb.graphql.root_fields import RootFields, root_fields
from duetdb.graphql.telling import Introspection, telling
from duetdb.graphql.type_set import TypeSet
from duetdb.graphql.types import BOOLEAN
from duetdb.schema_gen.model import Audience, Collection, Schema

_NOTHING = GraphQLField(cast(Any, BOOLEAN), description="There is nothing to be read: always null.")


@dataclass(frozen=True)
class Kept:
    """What all generations of one server keep together: texts, and what was told of schemas."""

    budget: Budget = field(default_factory=Budget)
    answers: KeptAnswers = field(default_factory=KeptAnswers)


_BUILDING = Lock()


@dataclass(frozen=True)
class GraphQLPart:
    """GraphQL's part of one generation; ``operations`` keeps what was compiled against it."""

    schema: Schema
    types: Mapping[str, TypeSet]
    roots: Mapping[str, RootFields]
    limits: Limits
    introspection: Introspection
    kept: Kept
    keys: KeyAdmin | None = None
    """Who administers keys; None where the caller may not."""
    outbox: Outbox | None = None
    """Who sends mail; None where the caller may not."""
    media_url: str = "/media/"
    """What stands before the id of a file in its address."""

    def members(self, collection: str) -> Members:
        """What the type of a collection has."""
        return self.types[collection].members

    @cached_property
    def graphql(self) -> GraphQLSchema:
        """The executable schema: made of valid parts, which tests prove for odd names too."""
        queries: dict[str, GraphQLField] = {}
        mutations: dict[str, GraphQLField] = {}
        for each in self.roots.values():
            queries.update(each.queries)
            mutations.update(each.mutations)
        if self.keys is not None:
            queries.update(key_fields.QUERIES)
            mutations.update(key_fields.MUTATIONS)
        if self.outbox is not None:
            mutations.update(mail_fields.MUTATIONS)
        return GraphQLSchema(
            query=GraphQLObjectType("Query", queries or {NOTHING: _NOTHING}),
            mutation=GraphQLObjectType("Mutation", mutations) if mutations else None,
            # graphql-core finds types by recursion, which a long chain of relations would
            # exhaust; from types that it knows already it goes no further.
            types=[each for types in self.types.values() for each in types.named],
            assume_valid=True,
        )

    @cached_property
    def operations(self) -> Operations:
        fields = dict(_meanings(self.types))
        planner = Planner(self, self.graphql, fields, self.kept.answers, self.keys, self.outbox)
        told = telling(self.schema.audience, self.introspection)
        return Operations(self.graphql, planner, self.limits, told, self.kept.budget)


def build_part(
    schema: Schema,
    previous: Any,
    limits: Limits,
    *,
    introspection: Introspection = "keys",
    keys: KeyAdmin | None = None,
    outbox: Outbox | None = None,
    media_url: str = "/media/",
) -> GraphQLPart:
    """The part of a schema; type sets that nothing of the change reaches are taken over.

    For the full-access key it has fields that administer ``keys``, and for those
    who may send mail one that hands it to ``outbox``. Parts may share
    type sets, and so one is built at a time, with all of its types.
    """
    with _BUILDING:
        built = _built(schema, previous, limits, introspection, keys, outbox, media_url)
        _ = built.operations  # here, in the builder's thread, not when the first request asks
    return built


def _built(
    schema: Schema,
    previous: Any,
    limits: Limits,
    introspection: Introspection,
    keys: KeyAdmin | None,
    outbox: Outbox | None,
    media_url: str,
) -> GraphQLPart:
    before = previous if isinstance(previous, GraphQLPart) else None
    old = before.types if before else {}
    targets = {name: _targets(each, schema) for name, each in schema.collections.items()}
    stale = _stale(schema, old, targets)
    types = {
        name: TypeSet(collection, members_of(collection, schema)) if name in stale else old[name]
        for name, collection in schema.collections.items()
    }
    for name in stale:
        types[name].targets.update({target: types[target] for target in targets[name]})
    # Only the holder of the full-access key writes what a filter finds.
    full = schema.audience is Audience.FULL
    known = before.roots if before and before.schema.audience is schema.audience else {}
    roots = {
        name: known[name]
        if name in known and name not in stale
        else root_fields(each, by_filter=full)
        for name, each in types.items()
    }
    kept = before.kept if before else Kept()
    administered = keys if full else None
    sending = outbox if schema.mail else None
    return GraphQLPart(
        schema, types, roots, limits, introspection, kept, administered, sending, media_url
    )


def _targets(collection: Collection, schema: Schema) -> frozenset[str]:
    """The served collections that the collection's types lead to, in either direction."""
    led = [
        *(each.collection or "" for each in (*collection.relations, *collection.children)),
        *(each.collection for each in collection.referrers),
    ]
    return frozenset(name for name in led if name in schema.collections)


def _stale(
    schema: Schema, old: Mapping[str, TypeSet], targets: Mapping[str, frozenset[str]]
) -> set[str]:
    """Collections that changed, and those whose types lead to one of them."""
    leading: dict[str, list[str]] = defaultdict(list)
    for name, led in targets.items():
        for target in led:
            leading[target].append(name)
    waiting = [
        name
        for name, collection in schema.collections.items()
        if name not in old
        or old[name].collection is not collection
        or old[name].targets.keys() != targets[name]
    ]
    stale: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in stale:
            stale.add(name)
            waiting.extend(leading[name])
    return stale


def _meanings(types: Mapping[str, TypeSet]) -> Iterator[tuple[str, RootField]]:
    for collection, each in types.items():
        names = each.collection.names
        for root, action in (
            (names.root, "list"),
            (names.by_id, "by_id"),
            (names.connection, "connection"),
            (names.aggregate, "aggregate"),
            (names.create, "create"),
            (names.create_many, "create_many"),
            (names.update, "update"),
            (names.update_many, "update_many"),
            (names.replace, "replace"),
            (names.delete, "delete"),
            (names.delete_many, "delete_many"),
        ):
            yield root, RootField(action, collection)
