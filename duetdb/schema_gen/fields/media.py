"""The common ground of image and file: references to the media archive."""

from __future__ import annotations

from typing import Any

from bson.objectid import ObjectId

from duetdb.schema_gen.field import Field, FieldType, Mismatch
from duetdb.schema_gen.ids import object_id


class MediaType(FieldType):
    """A list of media ids, even for one; what GET answers with expanded media is accepted too."""

    bson = ("objectId",)
    graphql = "ID"
    always_list = True
    media = True

    def coerce(self, value: Any, field: Field) -> ObjectId:
        if isinstance(value, dict):
            value = value.get("_id")
        found = object_id(value)
        if found is None:
            raise Mismatch("Must be media ids of 24 hexadecimal digits.")
        return found

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, ObjectId)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9a-f]{24}$"}
