"""The common ground of the numeric types: reading numbers exactly."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128

from duetdb.schema_gen.field import Mismatch

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_LONGEST = 400


def exact(value: Any, sentence: str) -> Decimal:
    """The number that ``value`` is or, as a string, spells: ``1.10`` is 1.10 and not a near double.

    Raises ``Mismatch(sentence)`` for everything else, for bools, NaN and Infinity.
    """
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= _LONGEST and _NUMBER.fullmatch(text):
            return Decimal(text)
    elif isinstance(value, bool):
        pass
    elif isinstance(value, int):
        return Decimal(value)
    elif isinstance(value, float | Decimal | Decimal128):
        number = _decimal(value)
        if number.is_finite():
            return number
    raise Mismatch(sentence)


def _decimal(value: float | Decimal | Decimal128) -> Decimal:
    if isinstance(value, float):
        return Decimal(repr(value))
    return value.to_decimal() if isinstance(value, Decimal128) else value
