"""MongoDB's own validator for a collection: the second wall, behind the service's validation."""

from __future__ import annotations

from typing import Any, Final

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import Collection

TITLE: Final = "DuetDB"
"""Marks a validator as ours: one that somebody else wrote is left alone."""


def json_schema(collection: Collection) -> dict[str, Any]:
    """The ``$jsonSchema`` that stored documents of the collection satisfy.

    It checks the types of declared fields and nothing else: null and absence
    are admitted everywhere and system fields are not touched, so it is never
    stricter than what the service writes (REQUIRED may be skipped, SPEC 4.4).
    """
    return {"title": TITLE, **_object(collection.fields)}


def narrows(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether documents that satisfy ``new`` may break ``old``.

    Then ``old`` must be lifted before anybody writes by ``new``.
    """
    wanted = new.get("properties", {})
    return any(wanted.get(name) != rule for name, rule in old.get("properties", {}).items())


def _object(fields: tuple[Field, ...]) -> dict[str, Any]:
    properties = {field.name: rule for field in fields if (rule := _rule(field))}
    return {"bsonType": "object", **({"properties": properties} if properties else {})}


def _rule(field: Field) -> dict[str, Any]:
    if not field.is_stored:
        return {}
    element = _object(field.fields) if field.fields else field.type.bson_schema(field)
    if not field.is_list:
        return _or_null(element)
    items = _or_null(element)
    return {"bsonType": ["array", "null"], **({"items": items} if items else {})}


def _or_null(rule: dict[str, Any]) -> dict[str, Any]:
    if not rule:
        return {}
    if "bsonType" in rule and "enum" not in rule:
        types = rule["bsonType"]
        return {**rule, "bsonType": [*([types] if isinstance(types, str) else types), "null"]}
    return {"anyOf": [rule, {"bsonType": "null"}]}
