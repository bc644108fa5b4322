"""The root fields that read a collection: a page, one document, a connection, figures."""

from __future__ import annotations

from graphql import GraphQLArgument, GraphQLField

from duetdb.graphql.type_set import TypeSet
from duetdb.graphql.types import ID, INT, JSON, STRING, list_arguments, list_of, required

_Q = GraphQLArgument(JSON, description="The same as `where`, in the REST query language.")
_ID = GraphQLArgument(required(ID))
_CURSORS = {
    "first": GraphQLArgument(INT, description="Documents at most, from the front."),
    "after": GraphQLArgument(STRING, description="The cursor to go on from."),
    "last": GraphQLArgument(INT, description="Documents at most, from the end."),
    "before": GraphQLArgument(STRING, description="The cursor to come up to."),
}
_GROUPS = GraphQLArgument(INT, description="The first groups; otherwise all.")
_ZONE = GraphQLArgument(
    STRING, description="The time zone of days and years, such as `Europe/Oslo`; UTC otherwise."
)


def query_fields(types: TypeSet) -> dict[str, GraphQLField]:
    """The fields by their names, for what may be read at addresses of the collection's own."""
    names, rights = types.collection.names, types.collection.rights
    found: dict[str, GraphQLField] = {}
    if rights.can_list:
        found[names.root] = _list(types)
    if rights.on_documents("GET"):
        found[names.by_id] = _by_id(types)
    if rights.can_list:
        found[names.connection] = _connection(types)
        found[names.aggregate] = _aggregate(types)
    return found


def _list(types: TypeSet) -> GraphQLField:
    listed = list_arguments(types)
    return GraphQLField(
        required(list_of(types.object)),
        {"where": listed.pop("where"), "q": _Q, **listed},
        description=f"Documents of '{types.collection.name}'.",
    )


def _by_id(types: TypeSet) -> GraphQLField:
    return GraphQLField(
        types.object,
        {"id": _ID},
        description=f"The document of '{types.collection.name}' with this id, or null.",
    )


def _connection(types: TypeSet) -> GraphQLField:
    listed = list_arguments(types)
    return GraphQLField(
        required(types.connection),
        {**_CURSORS, **{name: listed[name] for name in ("where", "filter", "orderBy")}},
        description=(
            f"Documents of '{types.collection.name}' by cursors that stay true while others come."
        ),
    )


def _aggregate(types: TypeSet) -> GraphQLField:
    listed, figures = list_arguments(types), types.figures
    return GraphQLField(
        required(list_of(figures.row)),
        {
            "where": listed["where"],
            "q": _Q,
            "filter": listed["filter"],
            "groupBy": GraphQLArgument(
                list_of(figures.key), description="Without it all documents are one group."
            ),
            "having": GraphQLArgument(
                figures.having, description="What the figures of a group must be."
            ),
            "orderBy": GraphQLArgument(list_of(figures.order_by)),
            "max": _GROUPS,
            "timeZone": _ZONE,
        },
        description=f"Figures of the documents of '{types.collection.name}', for each group.",
    )
