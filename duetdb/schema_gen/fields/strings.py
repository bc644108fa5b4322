"""The common ground of the types that are stored as strings."""

from __future__ import annotations

from typing import Any, ClassVar

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch, PatternMismatch
from duetdb.schema_gen.fields.patterns import found
from duetdb.schema_gen.well_formed import check_text


class StringType(FieldType):
    """A string, optionally held to the field's ``regex`` (found anywhere, as in JSON Schema)."""

    bson = ("string",)
    graphql = "String"
    comparison = Comparison.TEXT
    text = True
    unique = True

    format: ClassVar[str | None] = None
    """The ``format`` of the JSON Schema."""

    def coerce(self, value: Any, field: Field) -> str:
        if not isinstance(value, str):
            raise Mismatch("Must be a string.")
        if not value.isascii() or "\0" in value:
            check_text(value)
        # The empty string counts as missing (SPEC 4.4), so no rule but REQUIRED looks at it.
        if value:
            self.check(value)
            if field.regex is not None and not found(field.regex, value):
                raise PatternMismatch(f"Does not match the pattern '{field.regex}'.")
        return value

    def check(self, value: str) -> None:
        """Raises ``Mismatch`` when a text that is not empty is not of this type."""

    def fits(self, stored: Any) -> bool:
        return type(stored) is str  # JavaScript code is a subclass, and no text

    def openapi(self, field: Field) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        if self.format is not None:
            schema["format"] = self.format
        if field.regex is not None:
            schema["pattern"] = field.regex
        return schema
