"""What a type of a collection has in GraphQL, as values: types and plans are both made from them.

A member says where in the stored document its value is and what may be shown
of it. It knows nothing of GraphQL's own classes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from duetdb.app.service.encoding import is_date
from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.model import Collection, Referrer, Schema
from duetdb.schema_gen.names import object_types
from duetdb.schema_gen.values import fits

EXTRA = "_extra"
GEO = "Geo"
"""The kind of places among what is JSON."""


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar, or a list of one: what does not fit is shown as null."""

    name: str
    path: str
    scalar: str
    many: bool
    fits: Callable[[Any], bool]
    description: str = ""
    is_place: bool = False

    @property
    def kind(self) -> str:
        """What it is compared as."""
        return GEO if self.is_place else self.scalar


@dataclass(frozen=True, slots=True)
class Pictures:
    """Media references: a list of ``Media``."""

    name: str
    path: str
    fits: Callable[[Any], bool]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Nested:
    """An object, or a list of them, with members of its own."""

    name: str
    path: str
    many: bool
    type: str
    members: Members
    description: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Documents of another collection.

    ``field`` is the relation; ``reverse`` when it is the other side's. ``single``
    shows one or null, ``paged`` takes the list arguments.
    """

    field: Field
    target: str
    single: bool
    reverse: bool
    paged: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class Extra:
    """What is stored beside the declared fields, or in them without fitting."""

    known: Mapping[str, Callable[[Any], bool]]
    prefix: str
    description: str = "Undeclared properties, and values that do not fit their field, as stored."


Member: TypeAlias = "Value | Pictures | Nested | Link | Extra"
Members: TypeAlias = Mapping[str, Member]
"""The members of one type by their GraphQL names."""


def members_of(collection: Collection, schema: Schema) -> dict[str, Member]:
    """Everything that the type of a collection has.

    Of relations to what is not served only the ids are left, of child lists nothing.
    """
    served = schema.collections
    members: dict[str, Member] = {
        **SYSTEM,
        **_declared(collection.fields, nested_types(collection), served),
        EXTRA: Extra(
            {**{each.name: each.fits for each in SYSTEM.values()}, **_known(collection.fields)}, ""
        ),
    }
    for each in collection.referrers:
        if each.collection in served:
            members[each.graphql_name] = _referring(each)
    return members


def nested_types(collection: Collection) -> dict[str, str]:
    """The names of the types of objects by their paths, the same for every caller."""
    return object_types(collection.names.type, collection.whole.fields)


def _referring(referrer: Referrer) -> Link:
    child = referrer.field.relation is Relation.CHILD
    return Link(
        referrer.field,
        referrer.collection,
        single=child,
        reverse=True,
        paged=not child,
        description=f"The other side of '{referrer.field.path}' of '{referrer.collection}'.",
    )


def _declared(
    fields: tuple[Field, ...], names: Mapping[str, str], served: Container[str]
) -> dict[str, Member]:
    return {
        field.graphql_name: _member(field, names, served)
        for field in fields
        if field.relation is not Relation.CHILD or field.collection in served
    }


def _member(field: Field, names: Mapping[str, str], served: Container[str]) -> Member:
    text = describe(field)
    checker = _checker(field)
    if field.relation is not None:
        if field.collection not in served:
            return Value(field.name, field.path, "ID", True, checker, text)
        child = field.relation is Relation.CHILD
        return Link(
            field,
            field.collection or "",
            single=field.relation is Relation.ONE,
            reverse=False,
            paged=child,
            description=text,
        )
    if field.type.name == "object":
        members: dict[str, Member] = {
            **_declared(field.fields, names, served),
            EXTRA: Extra(_known(field.fields), field.path),
        }
        return Nested(field.name, field.path, field.is_list, names[field.path], members, text)
    if field.type.media:
        return Pictures(field.name, field.path, checker, text)
    return Value(
        field.name,
        field.path,
        field.type.graphql,
        field.is_list,
        checker,
        text,
        field.type.name == "geo",
    )


def describe(field: Field) -> str:
    """A field's own description, with its stored name where GraphQL needs another."""
    if field.name == field.graphql_name:
        return field.description
    return " ".join(filter(None, (field.description, f"Stored as '{field.name}'.")))


def _checker(field: Field) -> Callable[[Any], bool]:
    return lambda stored: fits(field, stored)


def _known(fields: tuple[Field, ...]) -> dict[str, Callable[[Any], bool]]:
    return {
        field.name: _shape_checker(field) if field.type.name == "object" else _checker(field)
        for field in fields
        if field.is_stored
    }


def _shape_checker(field: Field) -> Callable[[Any], bool]:
    """Of an object only the outside counts: what is wrong inside shows there."""
    return _objects if field.is_list else _object


def _object(stored: Any) -> bool:
    return stored is None or isinstance(stored, dict)


def _objects(stored: Any) -> bool:
    return stored is None or (
        isinstance(stored, list) and all(isinstance(each, dict) for each in stored)
    )


def _text(stored: Any) -> bool:
    return stored is None or type(stored) is str


def _texts(stored: Any) -> bool:
    return stored is None or (
        isinstance(stored, list) and all(type(each) is str for each in stored)
    )


def _integer(stored: Any) -> bool:
    return stored is None or (isinstance(stored, int) and not isinstance(stored, bool))


def _bool(stored: Any) -> bool:
    return stored is None or isinstance(stored, bool)


def _date(stored: Any) -> bool:
    return stored is None or is_date(stored)


def _anything(stored: Any) -> bool:
    return True


def _system(
    name: str,
    scalar: str,
    checker: Callable[[Any], bool],
    description: str,
    many: bool = False,
) -> Value:
    return Value(name, name, scalar, many, checker, description)


SYSTEM: Mapping[str, Value] = {
    each.name: each
    for each in (
        _system("_id", "ID", _anything, "The identity of the document."),
        _system("_created", "DateTime", _date, "When it was inserted."),
        _system("_changed", "DateTime", _date, "When it was last written."),
        _system("_createdby", "String", _text, "Who inserted it."),
        _system("_changedby", "String", _text, "Who wrote it last."),
        _system("_version", "Long", _integer, "1 at insert, 1 more with every update."),
        _system("_keywords", "String", _texts, "The words that it is found by.", True),
        _system("_tags", "String", _text, "The same words in one text."),
        _system("_mock", "Boolean", _bool, "Whether it was generated."),
        _system("_parent_id", "ID", _anything, "The id of its parent."),
        _system("_parent_def", "String", _text, "The collection of its parent."),
        _system("_parent_field", "String", _text, "The child list that it is in."),
    )
}
"""The members that every type of a collection has, by names that no declared field gets."""
