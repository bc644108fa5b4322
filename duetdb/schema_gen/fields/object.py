"""``object``: a nested document with declared fields of its own."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch
from duetdb.schema_gen.shape import Shape, read_object


class Object(FieldType):
    """A nested document; properties that ``fields`` does not declare are kept."""

    name = "object"
    bson = ("object",)
    comparison = Comparison.NONE

    def coerce(self, value: Any, field: Field) -> dict[str, Any]:
        stored, problems = Shape(field.fields).coerce(read_object(value))
        for path, _, message in problems:
            raise Mismatch(f"{path}: {message}")
        return stored

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, dict)

    def openapi(self, field: Field) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: _described(each) for each in field.fields},
        }
        required = [each.name for each in field.fields if each.required]
        return schema | {"required": required} if required else schema

    def bson_schema(self, field: Field) -> dict[str, Any]:
        return {"bsonType": "object"}


def _described(field: Field) -> dict[str, Any]:
    schema = field.type.openapi(field)
    return {"type": "array", "items": schema} if field.is_list else schema
