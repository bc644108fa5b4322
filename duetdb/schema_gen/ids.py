"""Ids on the wire and in storage, for each type of ``_id`` that a collection may have."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from bson.objectid import ObjectId

from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.well_formed import INT_MAX, INT_MIN, check_text

_HEX = re.compile(r"[0-9a-fA-F]{24}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,17})?")
_LONGEST = 512


def object_id(value: Any) -> ObjectId | None:
    """The ObjectId that 24 hexadecimal digits spell, None for anything else."""
    if isinstance(value, str):
        return ObjectId(value) if _HEX.fullmatch(value) else None
    return value if isinstance(value, ObjectId) else None


def stored_id(id_type: IdType, value: Any) -> Any | None:
    """The stored id that a wire value means, None when it cannot be one of this type."""
    if id_type is IdType.OBJECT_ID:
        return object_id(value)
    if id_type is IdType.STRING:
        return _string_id(value)
    return _number_id(value)


def _string_id(value: Any) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        return None
    try:
        check_text(value)
    except Mismatch:
        return None
    return value


def _number_id(value: Any) -> int | float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    elif not isinstance(value, int):
        return None
    return value if INT_MIN <= value <= INT_MAX else None
