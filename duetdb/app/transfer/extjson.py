"""MongoDB Extended JSON, canonical and relaxed, and plain JSON, which is a part of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.json_util import (
    CANONICAL_JSON_OPTIONS,
    RELAXED_JSON_OPTIONS,
    JSONOptions,
    dumps,
    object_hook,
)

_READ: Final[JSONOptions] = RELAXED_JSON_OPTIONS.with_options(
    tz_aware=False, tzinfo=None, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


def parse_document(raw: bytes) -> dict[str, Any]:
    """The document that one JSON text holds, its Extended JSON wrappers as BSON values.

    Raises ``ValueError`` with a sentence when it is not JSON or not an object.
    """
    try:
        text = raw.decode("utf-8")
        # Most texts hold no wrapper at all, and the hook costs a call per object.
        hook = _unwrap if '"$' in text else None
        value = json.loads(
            text, object_hook=hook, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"The text is not UTF-8 (byte {error.start + 1} of the row).") from None
    except json.JSONDecodeError as error:
        told = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
        raise ValueError(f"The text is not JSON: {told}.") from None
    except RecursionError:
        raise ValueError("The document is nested too deeply.") from None
    if not isinstance(value, dict):
        raise ValueError("A row must be a JSON object.")
    return value


def relaxed(document: Mapping[str, Any]) -> str:
    """One line of relaxed Extended JSON: readable, keeps types but not the width of numbers."""
    return dumps(document, json_options=RELAXED_JSON_OPTIONS, ensure_ascii=False)


def canonical(document: Mapping[str, Any]) -> str:
    """One line of canonical Extended JSON: lossless."""
    return dumps(document, json_options=CANONICAL_JSON_OPTIONS, ensure_ascii=False)


def _unwrap(value: dict[str, Any]) -> Any:
    if not any(key.startswith("$") for key in value):
        return value
    try:
        return object_hook(value, _READ)
    except (BSONError, TypeError, KeyError, ValueError, OverflowError, ArithmeticError) as error:
        told = str(error)[:200].rstrip(".")
        raise ValueError(f"A value is not valid Extended JSON: {told}.") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON; Extended JSON writes it as $numberDouble.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"The number {digits[:30]} is out of range.")
    return number
