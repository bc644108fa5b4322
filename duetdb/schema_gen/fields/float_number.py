"""``float_number``: a double."""

from __future__ import annotations

from math import isfinite
from typing import Any

from bson.decimal128 import Decimal128

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch
from duetdb.schema_gen.fields.numbers import exact
from duetdb.schema_gen.well_formed import INT_MAX, INT_MIN

_SENTENCE = "Must be a number."
_EXACT = 2**53


class FloatNumber(FieldType):
    """A finite double; integers that no double can hold exactly are kept as integers."""

    name = "float_number"
    bson = ("double", "int", "long")
    graphql = "Float"
    comparison = Comparison.ORDER
    unique = True

    def coerce(self, value: Any, field: Field) -> float | int:
        if type(value) is float:
            number = value
        elif isinstance(value, int) and not isinstance(value, bool):
            if not INT_MIN <= value <= INT_MAX:
                raise Mismatch("Integers must fit into 64 bits.")
            if -_EXACT <= value <= _EXACT:
                return float(value)
            return value
        else:
            number = float(exact(value, _SENTENCE))
        if not isfinite(number):
            raise Mismatch("Must be a finite number.")
        return number

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, int | float | Decimal128) and not isinstance(stored, bool)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "number", "format": "double"}
