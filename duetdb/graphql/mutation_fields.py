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
_IF_VERSION = GraphQLArgument(LONG, description="Fails unless `_version` is this.")
_VALIDATE = GraphQLArgument(
    BOOLEAN, description="false skips what the schema requires, except UNIQUE."
)
_UNSET = GraphQLArgument(
    list_of(STRING), description="Fields to be taken out, by dotted paths such as `address.city`."
)
_RENAME = GraphQLArgument(list_of(RENAME), description="Values that move to another name.")
_MANY: Any = DECLARED["ManyResult"]


def mutation_fields(types: TypeSet) -> dict[str, GraphQLField]:
    """The fields by their names."""
    name, names, one = types.collection.name, types.collection.names, types.object
    data = GraphQLArgument(required(types.input))
    changes = _changes(types)
    which = {"ids": _IDS, "where": GraphQLArgument(types.where)}
    return {
        names.create: GraphQLField(
            one, {"data": data}, description=f"Inserts a document into '{name}'."
        ),
        names.create_many: GraphQLField(
            list_of(one),
            {"data": GraphQLArgument(required(list_of(types.input))), "validate": _VALIDATE},
            description=f"Inserts documents into '{name}', all or none.",
        ),
        names.update: GraphQLField(
            one,
            {"id": _ID, **changes, "ifVersion": _IF_VERSION},
            description=f"Changes the given fields of a document of '{name}'; others stay.",
        ),
        names.update_many: GraphQLField(
            _MANY,
            {**which, **changes},
            description=f"Changes documents of '{name}' by ids or by filter, each on its own.",
        ),
        names.replace: GraphQLField(
            one,
            {"id": _ID, "data": data, "ifVersion": _IF_VERSION},
            description=f"Replaces a document of '{name}' but for its system fields.",
        ),
        names.delete: GraphQLField(
            one,
            {"id": _ID, "ifVersion": _IF_VERSION},
            description=f"Deletes a document of '{name}'; answers it as it was.",
        ),
        names.delete_many: GraphQLField(
            _MANY, which, description=f"Deletes documents of '{name}' by ids or by filter."
        ),
    }


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
