"""``bool``: true or false."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Field, FieldType, Mismatch

_SPELLED = {"true": True, "false": False}


class Bool(FieldType):
    """A boolean; forms may spell it ``"true"`` or ``"false"``."""

    name = "bool"
    bson = ("bool",)
    graphql = "Boolean"

    def coerce(self, value: Any, field: Field) -> bool:
        if value is True or value is False:
            return bool(value)
        if isinstance(value, str):
            spelled = _SPELLED.get(value.strip().lower())
            if spelled is not None:
                return spelled
        raise Mismatch("Must be true or false.")

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, bool)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "boolean"}
