"""``money``: an exact amount with at most two decimals."""

from __future__ import annotations

from decimal import Context, Inexact
from typing import Any

from bson.decimal128 import Decimal128

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch
from duetdb.schema_gen.fields.numbers import exact

_DIGITS = 34
"""What a Decimal128 holds (IEEE 754-2008)."""
_CONTEXT = Context(prec=_DIGITS, traps=[Inexact])
_SENTENCE = "Must be an amount with at most two decimals, such as 12.50."


class Money(FieldType):
    """A Decimal128 in plain notation; JSON numbers are read as they were written."""

    name = "money"
    bson = ("decimal", "double", "int", "long")
    graphql = "Float"
    comparison = Comparison.ORDER
    unique = True

    def coerce(self, value: Any, field: Field) -> Decimal128:
        number = exact(value, _SENTENCE)
        if number.adjusted() >= _DIGITS:
            raise Mismatch(f"Must be an amount of at most {_DIGITS} digits.")
        try:
            number = number.normalize(_CONTEXT)
        except Inexact:
            raise Mismatch(f"Must be an amount of at most {_DIGITS} digits.") from None
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -2:
            raise Mismatch(_SENTENCE)
        # Plain digits for 1E+3, and no negative zero.
        return Decimal128(format(number, "f") if number else "0")

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, Decimal128 | int | float) and not isinstance(stored, bool)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "number", "multipleOf": 0.01}
