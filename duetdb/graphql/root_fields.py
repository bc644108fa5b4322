"""The root fields that a collection brings along, as DESIGN's interface names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLArgument, GraphQLField

from duetdb.graphql.type_set import TypeSet
from duetdb.graphql.types import (
    BOOLEAN,
    ID,
    INT,
    JSON,
    LONG,
    STRING,
    list_arguments,
    list_of,
    required,
)


@dataclass(frozen=True, slots=True)
class RootFields:
    """What one collection adds to Query and to Mutation, by name."""

    queries: Mapping[str, GraphQLField]
    mutations: Mapping[str, GraphQLField]


def root_fields(types: TypeSet) -> RootFields:
    """The root fields of a collection."""
    return RootFields(_query_fields(types), _mutation_fields(types))


def _query_fields(types: TypeSet) -> dict[str, GraphQLField]:
    """Reading: a page, one document, a connection."""
    collection = types.collection
    name, names = collection.name, collection.names
    listed = list_arguments(types)
    return {
        names.root: GraphQLField(
            required(list_of(types.object)),
            {
                "where": listed["where"],
                "q": GraphQLArgument(JSON, description="The same in the REST query language."),
                "orderBy": listed["orderBy"],
                "skip": listed["skip"],
                "max": listed["max"],
            },
            description=f"Documents of '{name}'.",
        ),
        names.by_id: GraphQLField(
            types.object,
            {"id": GraphQLArgument(required(ID))},
            description=f"The document of '{name}' with this id, or null.",
        ),
        names.connection: GraphQLField(
            required(types.connection),
            {
                "first": GraphQLArgument(INT, description="Documents at most, from the front."),
                "after": GraphQLArgument(STRING, description="The cursor to go on from."),
                "last": GraphQLArgument(INT, description="Documents at most, from the end."),
                "before": GraphQLArgument(STRING, description="The cursor to come up to."),
                "where": listed["where"],
                "orderBy": listed["orderBy"],
            },
            description=f"Documents of '{name}' by cursors that stay true while others come.",
        ),
    }


def _mutation_fields(types: TypeSet) -> dict[str, GraphQLField]:
    """Writing. All are nullable: one that fails must not hide what others of the request did."""
    collection = types.collection
    name, names = collection.name, collection.names
    id_ = GraphQLArgument(required(ID))
    data = GraphQLArgument(required(types.input))
    if_version = GraphQLArgument(LONG, description="Fails unless `_version` is this.")
    return {
        names.create: GraphQLField(
            types.object, {"data": data}, description=f"Inserts a document into '{name}'."
        ),
        names.create_many: GraphQLField(
            list_of(types.object),
            {
                "data": GraphQLArgument(required(list_of(types.input))),
                "validate": GraphQLArgument(
                    BOOLEAN, description="false skips what the schema requires, except UNIQUE."
                ),
            },
            description=f"Inserts documents into '{name}', all or none.",
        ),
        names.update: GraphQLField(
            types.object,
            {"id": id_, "data": data, "ifVersion": if_version},
            description=f"Changes the given fields of a document of '{name}'; others stay.",
        ),
        names.replace: GraphQLField(
            types.object,
            {"id": id_, "data": data, "ifVersion": if_version},
            description=f"Replaces a document of '{name}' but for its system fields.",
        ),
        names.delete: GraphQLField(
            types.object,
            {"id": id_, "ifVersion": if_version},
            description=f"Deletes a document of '{name}'; answers it as it was.",
        ),
        names.delete_many: GraphQLField(
            list_of(types.object),
            {
                "ids": GraphQLArgument(list_of(ID)),
                "where": GraphQLArgument(types.where),
            },
            description=f"Deletes documents of '{name}' by ids or by filter; answers them.",
        ),
    }
