"""What every value must satisfy to be stored, whether or not the schema declares it."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from duetdb.schema_gen.field import Mismatch

DEPTH_LIMIT = 50
"""Levels of objects and lists in one value, where no other limit is given."""

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


def check_text(text: str) -> None:
    """Raises ``Mismatch`` for NUL and lone surrogates, which cannot be stored or sent back."""
    if "\0" in text:
        raise Mismatch("Text must not contain the NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Mismatch("Text must not contain lone surrogates.") from None


def check_key(key: Any) -> None:
    """Raises ``Mismatch`` for a name that cannot be a property of a stored document."""
    if not isinstance(key, str):
        raise Mismatch("Property names must be strings.")
    if not key:
        raise Mismatch("Property names must not be empty.")
    if key[0] == "$":
        raise Mismatch(f"Property names must not begin with '$', as {_shown(key)} does.")
    if "." in key:
        raise Mismatch(f"Property names must not contain dots, as {_shown(key)} does.")
    check_text(key)


def well_formed(value: Any, depth_limit: int = DEPTH_LIMIT) -> None:
    """Raises ``Mismatch`` unless ``value`` can be stored and read back unchanged.

    Refused are NUL and lone surrogates in texts and names, names that begin
    with ``$``, contain dots or are empty, integers beyond 64 bits, NaN and
    Infinity, and more than ``depth_limit`` levels of objects and lists. BSON
    values such as ObjectIds pass.
    """
    kind = type(value)
    if kind is str:
        check_text(value)
    elif kind is dict or kind is list:
        if depth_limit <= 0:
            raise Mismatch("The value is nested too deeply.")
        if kind is list:
            for each in value:
                well_formed(each, depth_limit - 1)
        else:
            for key, each in value.items():
                check_key(key)
                well_formed(each, depth_limit - 1)
    elif kind is int:
        if not INT_MIN <= value <= INT_MAX:
            raise Mismatch("Integers must fit into 64 bits.")
    elif kind is float and not isfinite(value):
        raise Mismatch("Numbers must be finite.")


def parse_json_text(text: str) -> Any:
    """The value of a JSON text.

    Raises ``Mismatch`` when it is not JSON; NaN and Infinity are not.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Mismatch("The text must be valid JSON.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _shown(key: str) -> str:
    return ascii(key if len(key) <= 50 else key[:50] + "...")
