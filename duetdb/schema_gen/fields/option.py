"""``option``: one of the strings that the field lists."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Field, Mismatch
from duetdb.schema_gen.fields.strings import StringType
from duetdb.schema_gen.suggest import did_you_mean

_SHOWN = 10


class Option(StringType):
    """A member of the field's ``options``, letter case included; "" means none was chosen."""

    name = "option"

    def coerce(self, value: Any, field: Field) -> str:
        if isinstance(value, str) and (value in field.options or not value):
            return value
        shown = ", ".join(field.options[:_SHOWN])
        more = ", ..." if len(field.options) > _SHOWN else ""
        hint = did_you_mean(value, field.options) if isinstance(value, str) else ""
        raise Mismatch(f"Must be one of: {shown}{more}.{hint}")

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "enum": list(field.options)}
