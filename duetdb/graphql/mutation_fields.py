"""The root fields that write a collection.

All are nullable: one that fails must not hide what others of the request did.
"""

from __future__ import annotations

from typing import Any

from graphql import GraphQLArgument, GraphQLField

from duetdb.graphql.operator_inputs import RENAME
from duetdb.graphql.scalars import DECLARED
from duetdb.graphql.type_set import TypeSet
from duetdb.graphql.types import BOOLEAN, ID, LONG, STRING, list_of, required

_ID = GraphQLArgument(required(ID))
_IDS = GraphQLArgument(list_of(ID))
_THESE = GraphQLArgument(required(list_of(ID)))
_IF_VERSION = GraphQLArgument(LONG, description="Fails unless `_version` is this.")
_VALIDATE = GraphQLArgument(
    BOOLEAN, description="false skips what the schema requires, except UNIQUE."
)
_UNSET = GraphQLArgument(
    list_of(STRING), description="Fields to be taken out, by dotted paths such as `address.city`."
)
_RENAME = GraphQLArgument(list_of(RENAME), description="Values that move to another name.")
_MANY: Any = DECLARED["ManyResult"]


def mutation_fields(types: TypeSet, *, by_filter: bool) -> dict[str, GraphQLField]:
    """The fields by their names, for the methods that they stand for.

    ``by_filter`` says whether they write what a filter finds.
    """
    rights = types.collection.rights
    found: dict[str, GraphQLField] = {}
    if "POST" in rights.methods:  # below a parent, too
        found.update(_creating(types))
    if rights.on_documents("PATCH"):
        found.update(_updating(types, by_filter))
    if rights.on_documents("PUT"):
        found.update(_replacing(types))
    if rights.on_documents("DELETE"):
        found.update(_deleting(types, by_filter))
    return found


def _creating(types: TypeSet) -> dict[str, GraphQLField]:
    name, names = types.collection.name, types.collection.names
    return {
        names.create: GraphQLField(
            types.object, {"data": _data(types)}, description=f"Inserts a document into '{name}'."
        ),
        names.create_many: GraphQLField(
            list_of(types.object),
            {"data": GraphQLArgument(required(list_of(types.input))), "validate": _VALIDATE},
            description=f"Inserts documents into '{name}', all or none.",
        ),
    }


def _updating(types: TypeSet, by_filter: bool) -> dict[str, GraphQLField]:
    name, names, changes = types.collection.name, types.collection.names, _changes(types)
    found = {
        names.update: GraphQLField(
            types.object,
            {"id": _ID, **changes, "ifVersion": _IF_VERSION},
            description=f"Changes the given fields of a document of '{name}'; others stay.",
        )
    }
    if by_filter:
        found[names.update_many] = GraphQLField(
            _MANY,
            {**_which(types), **changes},
            description=f"Changes documents of '{name}' by ids or by filter, each on its own.",
        )
    return found


def _replacing(types: TypeSet) -> dict[str, GraphQLField]:
    return {
        types.collection.names.replace: GraphQLField(
            types.object,
            {"id": _ID, "data": _data(types), "ifVersion": _IF_VERSION},
            description=(
                f"Replaces a document of '{types.collection.name}' but for its system fields."
            ),
        )
    }


def _deleting(types: TypeSet, by_filter: bool) -> dict[str, GraphQLField]:
    name, names = types.collection.name, types.collection.names
    ways = "by ids or by filter" if by_filter else "by ids"
    return {
        names.delete: GraphQLField(
            types.object,
            {"id": _ID, "ifVersion": _IF_VERSION},
            description=f"Deletes a document of '{name}'; answers it as it was.",
        ),
        names.delete_many: GraphQLField(
            _MANY,
            _which(types) if by_filter else {"ids": _THESE},
            description=f"Deletes documents of '{name}' {ways}.",
        ),
    }


def _data(types: TypeSet) -> GraphQLArgument:
    return GraphQLArgument(required(types.input))


def _which(types: TypeSet) -> dict[str, GraphQLArgument]:
    return {"ids": _IDS, "where": GraphQLArgument(types.where)}


def _changes(types: TypeSet) -> dict[str, GraphQLArgument]:
    """What can be done to a stored document, each by an argument of its own."""
    operators = types.operators
    taken = {
        "data": (types.input, "Values to be set; an object is set as a whole."),
        "set": (types.input, "Values to be set; of an object only what is named."),
        "inc": (operators.inc, "Numbers to be added."),
        "push": (operators.elements, "Elements to be added at the end of lists."),
        "addToSet": (operators.elements, "The same, but for those that are there already."),
        "pull": (operators.elements, "Elements to be taken out; objects that hold what is given."),
        "pop": (operators.pop, "The end at which one element is taken out: 1 or -1."),
        "min": (operators.bounds, "Values to be set where less than what is stored."),
        "max": (operators.bounds, "Values to be set where greater than what is stored."),
    }
    arguments = {
        name: GraphQLArgument(type_, description=text) for name, (type_, text) in taken.items()
    }
    return {**arguments, "unset": _UNSET, "rename": _RENAME}
