"""The root fields that a collection brings along, as DESIGN's interface names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLArgument, GraphQLField

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

if TYPE_CHECKING:
    from duetdb.graphql.type_set import TypeSet


def query_fields(types: TypeSet) -> dict[str, GraphQLField]:
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


def mutation_fields(types: TypeSet) -> dict[str, GraphQLField]:
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
