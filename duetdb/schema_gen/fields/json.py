"""``JSON``: any JSON value."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Comparison, Field, FieldType
from duetdb.schema_gen.well_formed import parse_json_text, well_formed


class Json(FieldType):
    """Any well-formed value; a string that opens an object or a list is read as JSON text."""

    name = "JSON"
    comparison = Comparison.NONE

    def coerce(self, value: Any, field: Field) -> Any:
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            value = parse_json_text(value)
        well_formed(value)
        return value

    def fits(self, stored: Any) -> bool:
        return True

    def openapi(self, field: Field) -> dict[str, Any]:
        return {}
