"""Inserts, as the REST calls that they stand for: at the collection, or below a parent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from duetdb.app.service.query import Create, Parent
from duetdb.graphql.call import Call
from duetdb.graphql.inputs import PARENT_FIELDS
from duetdb.schema_gen.field import Relation


def placed(create: Create, call: Call) -> Create:
    """The insert at the address where the caller may do it.

    It is the collection's own; who may not insert there may still insert the
    children of one parent, whom all the documents name, below that parent.
    """
    principal = call.principal
    if principal.full or principal.permissions.allows("POST", (create.collection.name,)):
        return create
    parent = _parent_of(create, call)
    if parent is None:
        return create
    children = tuple(
        {name: value for name, value in each.items() if name not in PARENT_FIELDS}
        for each in create.documents
    )
    return replace(create, documents=children, parent=parent)


def _parent_of(create: Create, call: Call) -> Parent | None:
    """The parent that the documents name, which the caller need not be able to read."""
    named = {tuple(map(_text, map(each.get, PARENT_FIELDS))) for each in create.documents}
    if len(named) != 1:
        return None
    id_, definition, name = named.pop()
    collections = call.service.catalog.schema.collections
    for each in create.collection.whole.referrers:
        if (
            each.field.relation is Relation.CHILD
            and (each.collection, each.field.name) == (definition, name)
            and each.collection in collections
        ):
            return Parent(collection=collections[each.collection], id=id_, field=each.field)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
