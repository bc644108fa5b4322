"""The JSON Schemas of one collection's documents, as they are read and as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duetdb.app.service.encoding import wire
from duetdb.schema_gen.field import MISSING, Field, Relation
from duetdb.schema_gen.model import Collection, IdType

Json = dict[str, Any]

_DATE: Json = {"type": "string", "format": "date-time"}
_SYSTEM: Mapping[str, Json] = {
    "_created": {**_DATE, "description": "When it was inserted."},
    "_changed": {**_DATE, "description": "When it was last written."},
    "_createdby": {"type": "string", "description": "Who inserted it."},
    "_changedby": {"type": "string", "description": "Who wrote it last."},
    "_version": {"type": "integer", "description": "1 at insert, and one more at every update."},
    "_keywords": {"type": "array", "items": {"type": "string"}},
    "_tags": {"type": "string"},
    "_mock": {"type": "boolean"},
    "_parent_id": {"description": "The id of the parent document.", "readOnly": True},
    "_parent_def": {"type": "string", "description": "The parent's collection."},
    "_parent_field": {"type": "string", "description": "The parent's child list."},
}
_ID: Mapping[IdType, Json] = {
    IdType.OBJECT_ID: {"type": "string", "pattern": "^[0-9a-f]{24}$"},
    IdType.STRING: {"type": "string", "minLength": 1},
    IdType.NUMBER: {"type": "number"},
}
_NULL: Json = {"type": "null"}
_LINK: Json = {"$ref": "#/components/schemas/duet.Link"}
_FILE: Json = {"$ref": "#/components/schemas/duet.File"}
_UNCHECKED = ("multipleOf",)
"""Left out: 19.99 is no multiple of 0.01 in the binary arithmetic that validators use."""


def id_schema(collection: Collection) -> Json:
    return dict(_ID[collection.id_type])


def reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def read_schema(collection: Collection, targets: Mapping[str, Collection]) -> Json:
    """A document in an answer: references expanded, anything may be null but ``_id``."""
    properties: Json = {"_id": {**id_schema(collection), "readOnly": True}}
    properties |= {field.name: _read(field, targets) for field in collection.fields}
    properties |= {name: {**schema, "readOnly": True} for name, schema in _SYSTEM.items()}
    return {
        "type": "object",
        "description": collection.description or f"A document of {collection.name}.",
        "required": ["_id"],
        "properties": properties,
        "additionalProperties": True,
    }


def input_schema(collection: Collection) -> Json:
    """A document to insert."""
    required = [field.name for field in collection.fields if _must_be_sent(field)]
    schema = changes_schema(collection)
    return {**schema, "required": required} if required else schema


def changes_schema(collection: Collection) -> Json:
    """Properties to set in a document; what is not sent stays."""
    schema: Json = {
        "type": "object",
        "properties": {
            field.name: _sent(field) for field in collection.fields if _is_writable(field)
        },
        "additionalProperties": not collection.strict,
    }
    if collection.strict:
        # Read-only keys are dropped, dotted ones reach inside objects, operators change in place.
        schema["patternProperties"] = {r"^[_$]|\.": {}}
    return schema


def _read(field: Field, targets: Mapping[str, Collection]) -> Json:
    target = targets.get(field.collection or "")
    if field.relation is Relation.CHILD:
        items = {"anyOf": [reference(target.names.type), _LINK]} if target else {}
        shown = "Its child documents, with fetchchildren=true."
        return {"type": "array", "items": items, "description": field.description or shown}
    if field.relation is not None:
        found = [reference(target.names.type)] if target else []
        element = {"anyOf": [*found, field.type.openapi(field), _LINK]}
    elif field.type.media:
        element = {"anyOf": [field.type.openapi(field), _FILE, _LINK]}
    else:
        element = _element(field, lambda inner: _read(inner, targets))
    return _described(field, _nullable(_listed(field, element)))


def _sent(field: Field) -> Json:
    if field.relation is not None:
        by_id = field.type.openapi(field)
        by_object = {"type": "object", "required": ["_id"], "properties": {"_id": by_id}}
        one: Json = {"anyOf": [by_id, by_object]}
        shown: Json = {"anyOf": [by_id, by_object, {"type": "array", "items": one}]}
    else:
        element = _element(field, _sent)
        shown = _listed(field, element)
    if not field.required:
        shown = _nullable(shown)
    if field.default is not MISSING:
        shown = {**shown, "default": wire(field.default)}
    return _described(field, shown)


def _element(field: Field, inner: Any) -> Json:
    if not field.fields:
        schema = field.type.openapi(field)
        return {key: value for key, value in schema.items() if key not in _UNCHECKED}
    return {
        "type": "object",
        "properties": {each.name: inner(each) for each in field.fields if each.is_stored},
        "additionalProperties": True,
    }


def _listed(field: Field, element: Json) -> Json:
    return {"type": "array", "items": element} if field.is_list else element


def _nullable(schema: Json) -> Json:
    if not schema:
        return schema
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if list(schema) == ["anyOf"]:
        return {"anyOf": [*schema["anyOf"], _NULL]}
    return {"anyOf": [schema, _NULL]}


def _described(field: Field, schema: Json) -> Json:
    if field.formula is not None:
        schema = {**schema, "readOnly": True}
    return {**schema, "description": field.description} if field.description else schema


def _is_writable(field: Field) -> bool:
    return field.is_stored and field.formula is None


def _must_be_sent(field: Field) -> bool:
    given = field.default is not MISSING or field.auto_increment
    return field.required and _is_writable(field) and not given
