"""Relation fields: the ids of documents of another collection, always as a list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from bson.objectid import ObjectId

from duetdb.schema_gen.field import Field, FieldType, Mismatch
from duetdb.schema_gen.ids import stored_id
from duetdb.schema_gen.model import IdType


class Reference(FieldType):
    """An id of the target, also read from a document that carries it as ``_id`` (SPEC 9.1)."""

    name = "relation"
    bson: ClassVar[tuple[str, ...]] = ("objectId",)
    graphql = "ID"
    always_list = True
    id_type: ClassVar[IdType] = IdType.OBJECT_ID
    """The type of the target's ids."""

    def coerce(self, value: Any, field: Field) -> Any:
        found = stored_id(self.id_type, value.get("_id") if isinstance(value, dict) else value)
        if found is None:
            raise Mismatch(f"Must be ids of documents in '{field.collection}'.")
        return found

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, ObjectId)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9a-f]{24}$"}


class StringReference(Reference):
    """An id of a target whose ids are strings."""

    bson = ("string",)
    id_type = IdType.STRING

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, str)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "string"}


class NumberReference(Reference):
    """An id of a target whose ids are numbers."""

    bson = ("int", "long", "double")
    id_type = IdType.NUMBER

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, int | float) and not isinstance(stored, bool)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "number"}


REFERENCES: Mapping[IdType, Reference] = MappingProxyType(
    {each.id_type: each for each in (Reference(), StringReference(), NumberReference())}
)
"""The relation type for each type of the target's ids."""
