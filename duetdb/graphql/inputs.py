"""Input types of one collection: where, order, and the data of writes.

All fields are nullable: what is required and of which type is the service's to
say, with the same list as REST.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
)

from duetdb.graphql.comparisons import comparison, list_comparison
from duetdb.graphql.members import (
    EXTRA,
    SYSTEM,
    Member,
    Members,
    Nested,
    Pictures,
    Value,
    describe,
    nested_types,
)
from duetdb.graphql.members import Link as LinkMember
from duetdb.graphql.named_types import InputType
from duetdb.graphql.scalars import DECLARED
from duetdb.graphql.types import Find, list_of
from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.model import Collection

PARENT_FIELDS = ("_parent_id", "_parent_def", "_parent_field")


@dataclass(frozen=True, slots=True)
class DataField:
    """Where one field of a data input goes: its stored name, and the parts of an object.

    With ``single`` the parts are those of one object, and not of each of a list.
    """

    name: str
    parts: Shape | None = None
    single: bool = False


Shape: TypeAlias = Mapping[str, DataField]
"""A data input's fields by their GraphQL names."""


def where_type(collection: Collection, members: Members, find: Find) -> GraphQLInputObjectType:
    """The filter of a collection's documents; relations take the filter of their target."""
    return _where(f"{collection.names.type}Where", members, find)


def _where(name: str, members: Members, find: Find) -> GraphQLInputObjectType:
    def fields() -> Iterator[tuple[str, GraphQLInputField]]:
        for each, member in members.items():
            compared = _SYSTEM_INPUTS.get(each) or _compared_field(member, find)
            if compared is not None:
                yield each, compared
        yield "and", GraphQLInputField(list_of(this), description="All of these hold.")
        yield "or", GraphQLInputField(list_of(this), description="At least one of these holds.")
        yield "not", GraphQLInputField(this, description="This does not hold.")

    this = InputType(name, lambda: dict(fields()))
    return this


def _compared_field(member: Member, find: Find) -> GraphQLInputField | None:
    type_ = _compared(member, find)
    if type_ is None:
        return None
    return GraphQLInputField(type_, description=member.description or None)


_SYSTEM_INPUTS = {
    name: GraphQLInputField(comparison(each.scalar, each.many), description=each.description)
    for name, each in SYSTEM.items()
}


def _compared(member: Member, find: Find) -> GraphQLInputObjectType | None:
    if isinstance(member, Value):
        return comparison(member.kind, member.many)
    if isinstance(member, Pictures):
        return comparison("ID", True)
    if isinstance(member, Nested):
        inner = _where(f"{member.type}Where", member.members, find)
        return list_comparison(f"{member.type}ListWhere", inner) if member.many else inner
    if isinstance(member, LinkMember) and not member.reverse:
        return cast(GraphQLInputObjectType, find(member.target).where)
    return None


def order_type(collection: Collection, members: Members, find: Find) -> GraphQLInputObjectType:
    """One order key: one field and its direction; relations take a key of their target."""
    return _order(f"{collection.names.type}OrderBy", members, find)


def _order(name: str, members: Members, find: Find) -> GraphQLInputObjectType:
    def fields() -> dict[str, GraphQLInputField]:
        ordered = {each: member for each, member in members.items() if _is_ordered(member)}
        return {each: GraphQLInputField(_key(member, find)) for each, member in ordered.items()}

    return InputType(name, fields, "One key of an order: exactly one field.")


def _is_ordered(member: Member) -> bool:
    if isinstance(member, Nested):
        return any(map(_is_ordered, member.members.values()))
    if isinstance(member, LinkMember):
        return not member.reverse and member.field.is_stored
    return isinstance(member, Value) and member.scalar != "JSON" and member.name != "_keywords"


def _key(member: Member, find: Find) -> GraphQLInputType:
    if isinstance(member, Nested):
        return _order(f"{member.type}OrderBy", member.members, find)
    if isinstance(member, LinkMember):
        return cast(GraphQLInputType, find(member.target).order_by)
    return cast(GraphQLInputType, DECLARED["Direction"])


def data_type(collection: Collection) -> GraphQLInputObjectType:
    """The data of a write: a whole document, or what changes of one."""
    system = PARENT_FIELDS if _is_child(collection) else ()
    fields = written_fields(collection)
    return _data(collection.names.type, fields, nested_types(collection), system)


def written_fields(collection: Collection) -> tuple[Field, ...]:
    """The fields that the caller may send, which are not always those that it may read."""
    narrowing = collection.narrowing
    return collection.fields if narrowing is None else narrowing.writable


def _is_child(collection: Collection) -> bool:
    referrers = collection.whole.referrers  # who may not read parents may have children of them
    return any(each.field.relation is Relation.CHILD for each in referrers)


def _data(
    kind: str,
    fields: tuple[Field, ...],
    names: Mapping[str, str],
    system: tuple[str, ...] = (),
) -> GraphQLInputObjectType:
    inputs = {each: GraphQLInputField(_system_input(each)) for each in system}
    shape = {each: DataField(each) for each in system}
    for field in fields:
        if not field.is_stored or field.formula is not None:
            continue
        parts = None
        if field.type.name == "object":
            type_ = _data(names[field.path], field.fields, names)
            parts = type_.extensions["shape"]
        else:
            type_ = cast(Any, DECLARED[field.type.graphql])
        shape[field.graphql_name] = DataField(
            field.name, parts, parts is not None and not field.is_list
        )
        inputs[field.graphql_name] = GraphQLInputField(
            GraphQLList(type_) if field.is_list else type_,
            description=describe(field) or None,
        )
    shape[EXTRA] = DataField(EXTRA)
    inputs[EXTRA] = GraphQLInputField(
        cast(GraphQLInputType, DECLARED["JSON"]), description="Undeclared properties, an object."
    )
    return InputType(f"{kind}Input", lambda: inputs, extensions={"shape": shape})


def _system_input(name: str) -> GraphQLInputType:
    return cast(GraphQLInputType, DECLARED["ID" if name == "_parent_id" else "String"])
