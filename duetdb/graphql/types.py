"""Output types of one collection, built straight in graphql-core from its members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLArgument,
    GraphQLDefaultInput,
    GraphQLField,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
)

from duetdb.graphql.members import SYSTEM, Extra, Link, Member, Members, Nested, Pictures, Value
from duetdb.graphql.named_types import ObjectType
from duetdb.graphql.scalars import DECLARED
from duetdb.schema_gen.model import Collection

NESTED_PAGE = 100
"""Documents of a nested list when ``max`` is not given."""

ID = cast(GraphQLInputType, DECLARED["ID"])
INT = cast(GraphQLInputType, DECLARED["Int"])
JSON = cast(GraphQLInputType, DECLARED["JSON"])
STRING = cast(GraphQLInputType, DECLARED["String"])
BOOLEAN = cast(GraphQLInputType, DECLARED["Boolean"])
LONG = cast(GraphQLInputType, DECLARED["Long"])

WORDS = GraphQLArgument(STRING, description="Words that the documents have, or their beginnings.")

Find: TypeAlias = Callable[[str], Any]
"""Finds the types of a collection by its name; called when fields are looked at, not before."""


def required(type_: Any) -> GraphQLNonNull[Any]:
    return GraphQLNonNull(type_)


def list_of(type_: Any) -> GraphQLList[Any]:
    """A list without null elements."""
    return GraphQLList(GraphQLNonNull(type_))


def object_type(collection: Collection, members: Members, find: Find) -> GraphQLObjectType:
    """The type of a collection's documents, and with it those of its nested objects."""
    described = collection.description or f"A document of the collection '{collection.name}'."
    return _object(collection.names.type, members, find, described)


def _object(name: str, members: Members, find: Find, description: str) -> GraphQLObjectType:
    return ObjectType(
        name,
        lambda: {
            each: _SYSTEM_FIELDS.get(each) or _field(member, find)
            for each, member in members.items()
        },
        description=description or None,
    )


def _field(member: Member, find: Find) -> GraphQLField:
    arguments = None
    if isinstance(member, Link) and member.paged:
        arguments = list_arguments(find(member.target), NESTED_PAGE)
    return GraphQLField(
        _type(member, find),
        arguments,
        description=member.description or None,
    )


def _type(member: Member, find: Find) -> GraphQLOutputType:
    if isinstance(member, Value):
        scalar = cast(GraphQLOutputType, DECLARED[member.scalar])
        if member.name == "_id":
            return required(scalar)
        if member.many:
            # An element of a JSON list may be null itself.
            return GraphQLList(scalar) if member.scalar == "JSON" else list_of(scalar)
        return scalar
    if isinstance(member, Nested):
        nested = _object(member.type, member.members, find, member.description)
        return list_of(nested) if member.many else nested
    if isinstance(member, Link):
        target: GraphQLObjectType = find(member.target).object
        return target if member.single else list_of(target)
    if isinstance(member, Extra):
        return cast(GraphQLOutputType, JSON)
    assert isinstance(member, Pictures)
    return list_of(DECLARED["Media"])


def _nothing(_: str) -> Any:
    raise LookupError("A system field leads nowhere.")


_SYSTEM_FIELDS = {name: _field(member, _nothing) for name, member in SYSTEM.items()}


def list_arguments(target: Any, page: int | None = None) -> dict[str, GraphQLArgument]:
    """The arguments of a list of ``target``'s documents."""
    default = GraphQLDefaultInput(value=page) if page is not None else None
    return {
        "where": GraphQLArgument(target.where),
        "filter": WORDS,
        "orderBy": GraphQLArgument(list_of(target.order_by)),
        "skip": GraphQLArgument(INT, description="Documents to pass over."),
        "max": GraphQLArgument(INT, default=default, description="Documents at most."),
    }


def connection_type(collection: Collection, node: GraphQLObjectType) -> GraphQLObjectType:
    """The pages of a collection as the Relay convention has them."""
    kind = collection.names.type
    edge = ObjectType(
        f"{kind}Edge",
        lambda: {
            "node": GraphQLField(required(node)),
            "cursor": GraphQLField(required(STRING)),
        },
    )
    page_info = cast(GraphQLOutputType, DECLARED["PageInfo"])
    return ObjectType(
        f"{kind}Connection",
        lambda: {
            "edges": GraphQLField(required(list_of(edge))),
            "pageInfo": GraphQLField(required(page_info)),
            "totalCount": GraphQLField(
                required(DECLARED["Long"]),
                description="All that match `where`; counted only if asked for.",
            ),
        },
    )
