"""What an existing ``$jsonSchema`` validator says of a field, as a metadata field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

LONGEST: Final = 200
MOST_OPTIONS: Final = 1000

_TYPES: Final = {
    "string": "text",
    "int": "number",
    "long": "number",
    "double": "float_number",
    "number": "float_number",
    "decimal": "money",
    "date": "datetime",
    "bool": "bool",
    "boolean": "bool",
    "object": "object",
    "array": "list",
    "objectId": "id",
}
"""BSON type aliases, and JSON Schema type names, to the kinds of inference."""


def schema_of(validator: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The ``$jsonSchema`` in a collection's validator, wherever ``$and`` hides it; else empty."""
    if not isinstance(validator, Mapping):
        return {}
    direct = validator.get("$jsonSchema")
    if isinstance(direct, Mapping):
        return direct
    parts = validator.get("$and")
    for part in parts if isinstance(parts, list) else []:
        if found := schema_of(part):
            return found
    return {}


def properties(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The properties that a schema describes."""
    found = schema.get("properties")
    if not isinstance(found, Mapping):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, Mapping)}


def required(schema: Mapping[str, Any]) -> frozenset[str]:
    """The properties that a schema requires and for which it does not admit null."""
    listed = schema.get("required")
    names = (name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()
    rules = properties(schema)
    return frozenset(name for name in names if "null" not in _aliases(rules.get(name, {})))


def kind(schema: Mapping[str, Any]) -> str | None:
    """The one kind that a property may have, beside null; None when it says nothing or several."""
    kinds = {_TYPES.get(alias, alias) for alias in _aliases(schema)} - {"null"}
    if kinds == {"number", "float_number"}:
        return "float_number"
    return kinds.pop() if len(kinds) == 1 else None


def options(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts of an ``enum``; empty when it holds anything else."""
    values = schema.get("enum")
    if not isinstance(values, Sequence) or isinstance(values, str):
        return ()
    texts = tuple(dict.fromkeys(value for value in values if value not in (None, "")))
    usable = all(isinstance(text, str) and len(text) <= LONGEST for text in texts)
    return texts if usable and len(texts) <= MOST_OPTIONS else ()


def extras(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The description and the pattern of a property, where there are."""
    found: dict[str, Any] = {}
    if isinstance(description := schema.get("description"), str) and description:
        found["description"] = description[:1000]
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and len(pattern) <= LONGEST and _compiles(pattern):
        found["regex"] = pattern
    return found


def items(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule of a list's elements."""
    found = schema.get("items")
    return found if isinstance(found, Mapping) else {}


def _aliases(schema: Mapping[str, Any]) -> frozenset[str]:
    stated = schema.get("bsonType", schema.get("type", ()))
    listed = (stated,) if isinstance(stated, str) else stated
    return frozenset(alias for alias in listed if isinstance(alias, str))


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
