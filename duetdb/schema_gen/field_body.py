"""The metadata body of one field: to ``Field`` and back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from duetdb.schema_gen.field import MISSING, Field, Relation
from duetdb.schema_gen.fields.reference import REFERENCES
from duetdb.schema_gen.fields.registry import FIELD_TYPES
from duetdb.schema_gen.formula import parse_formula
from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.names import field_names

NO_IDS: Mapping[str, IdType] = MappingProxyType({})
"""Every relation target has ObjectIds."""

_PLAIN = (
    ("description", "description", ""),
    ("required", "required", False),
    ("unique", "unique", False),
    ("default", "default", MISSING),
    ("regex", "regex", None),
    ("multiple", "multiple", False),
    ("format", "format", None),
    ("autoIncrement", "auto_increment", False),
    ("indexed", "indexed", False),
    ("hidden", "hidden", False),
    ("renamedFrom", "renamed_from", None),
)
"""Properties that mean the same on both sides: in metadata, in ``Field``, and when absent."""


def parse_fields(
    definition: Mapping[str, Any], id_types: Mapping[str, IdType] = NO_IDS
) -> tuple[Field, ...]:
    """The fields of a body without mistakes, nested ones included."""
    return parse_bodies(definition.get("fields") or [], id_types)


def parse_bodies(
    bodies: list[Mapping[str, Any]],
    id_types: Mapping[str, IdType] = NO_IDS,
    prefix: str = "",
    concealed: bool = False,
) -> tuple[Field, ...]:
    """The fields of one level; ``concealed`` says that they are inside of a hidden object."""
    given = [{k: v for k, v in body.items() if v is not None} for body in bodies]
    graphql_names = field_names((body["name"], body.get("graphqlName")) for body in given)
    return tuple(
        _field(body, id_types, prefix, concealed, graphql_names[body["name"]]) for body in given
    )


def _field(
    body: Mapping[str, Any],
    id_types: Mapping[str, IdType],
    prefix: str,
    concealed: bool,
    graphql_name: str,
) -> Field:
    name = body["name"]
    relation = Relation(body["relation"]) if "relation" in body else None
    target = body.get("collection", body["type"]) if relation else None
    kind = (
        REFERENCES[id_types.get(target, IdType.OBJECT_ID)]
        if target is not None
        else FIELD_TYPES[body["type"]]
    )
    concealed = concealed or bool(body.get("hidden"))
    return Field(
        name=name,
        path=prefix + name,
        type=kind,
        graphql_name=graphql_name,
        options=tuple(body.get("options", ())),
        formula=parse_formula(body["formula"]) if "formula" in body else None,
        collection=target,
        relation=relation,
        searchable=body.get("searchable", _searchable(kind.name, kind.text, concealed)),
        fields=parse_bodies(body.get("fields", []), id_types, f"{prefix}{name}.", concealed),
        **{ours: body.get(theirs, absent) for theirs, ours, absent in _PLAIN},
    )


def _searchable(kind: str, text: bool, concealed: bool) -> bool:
    return text and kind != "html" and not concealed


def describe_field(field: Field, concealed: bool = False) -> dict[str, Any]:
    """The body of a field, with only what differs from the default."""
    concealed = concealed or field.hidden
    kind = field.type
    body: dict[str, Any] = {"name": field.name, "type": field.collection or kind.name}
    if field.relation is not None:
        body["relation"] = str(field.relation)
    if field.fields:
        body["fields"] = [describe_field(each, concealed) for each in field.fields]
    if field.options:
        body["options"] = list(field.options)
    if field.formula is not None:
        body["formula"] = field.formula.source
    for theirs, ours, absent in _PLAIN:
        value = getattr(field, ours)
        if value is not absent and value != absent:
            body[theirs] = value
    if field.searchable != _searchable(kind.name, kind.text, concealed):
        body["searchable"] = field.searchable
    if field.graphql_name != field.name:
        body["graphqlName"] = field.graphql_name
    return body
