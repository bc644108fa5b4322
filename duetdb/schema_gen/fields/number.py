"""``number``: an integer of 64 bits."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch
from duetdb.schema_gen.fields.numbers import exact
from duetdb.schema_gen.well_formed import INT_MAX, INT_MIN

_SENTENCE = "Must be an integer."
_RANGE = "Must be an integer of at most 64 bits."
_DIGITS = 20

COUNTED_MAX = 2**62
"""The highest number that may be given to an auto-increment field: its counter goes on from there,
and must have somewhere to go."""


class Number(FieldType):
    """An integer; ``"12"`` and ``12.0`` are 12, ``true`` is not a number."""

    name = "number"
    bson = ("int", "long")
    graphql = "Long"
    comparison = Comparison.ORDER
    unique = True

    def coerce(self, value: Any, field: Field) -> int:
        if type(value) is not int:
            number = exact(value, _SENTENCE)
            # The magnitude is looked at first: int() of 1e9999 would build all its digits.
            if number.adjusted() >= _DIGITS:
                raise Mismatch(_RANGE)
            value = int(number)
            if value != number:
                raise Mismatch(_SENTENCE)
        if not INT_MIN <= value <= INT_MAX:
            raise Mismatch(_RANGE)
        if value > COUNTED_MAX and field.auto_increment:
            raise Mismatch(f"Must be at most {COUNTED_MAX:,}: the numbers after it are counted.")
        return int(value)

    def fits(self, stored: Any) -> bool:
        if isinstance(stored, float):
            # Written beside us, from a shell whose every number is a double.
            return stored.is_integer() and INT_MIN <= stored <= INT_MAX
        return isinstance(stored, int) and not isinstance(stored, bool)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "integer", "format": "int64"}
