"""From what an operator writes to a setting's value, or to one sentence about it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from duetdb.schema_gen.suggest import did_you_mean

_BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


class SettingsError(Exception):
    """A setting that the server refuses to start with; its text is one sentence for people."""


def convert(origin: str, hint: Any, raw: object) -> Any:
    """``raw`` as a value of the type ``hint``; text is parsed, anything else must fit already.

    Raises ``SettingsError`` naming ``origin``, what was found and what is allowed. The value
    itself is named only where the type cannot be a secret.
    """
    hint = without_none(hint)
    if get_origin(hint) is Literal:
        return _choice(origin, get_args(hint), raw)
    if hint is bool:
        return _boolean(origin, raw)
    if hint is int:
        return _integer(origin, raw)
    text = str(raw)
    if not text or "\x00" in text:
        raise SettingsError(f"{origin} needs a value.")
    return Path(text).expanduser() if hint is Path else text


def without_none(hint: Any) -> Any:
    """``X`` for ``X | None``, and every other type as it is."""
    if get_origin(hint) in (types.UnionType, Union):
        return next(member for member in get_args(hint) if member is not type(None))
    return hint


def check_range(origin: str, value: object, bounds: Mapping[str, Any]) -> None:
    """Raise ``SettingsError`` for a whole number outside its bounds (at least 1 if none say so)."""
    if not isinstance(value, int) or isinstance(value, bool):
        return
    low, high = bounds.get("min", 1), bounds.get("max", 2**31 - 1)
    if not low <= value <= high:
        raise SettingsError(f"{origin} is {value}; it must be from {low} to {high}.")


def _choice(origin: str, allowed: tuple[str, ...], raw: object) -> str:
    known = {each.lower(): each for each in allowed}
    text = str(raw).lower()
    if text in known:
        return known[text]
    hint = did_you_mean(text, allowed) or f" It is one of {', '.join(allowed)}."
    raise SettingsError(f"{origin} cannot be {str(raw)!r}.{hint}")


def _boolean(origin: str, raw: object) -> bool:
    value = _BOOLEANS.get(str(raw).strip().lower())
    if value is None:
        raise SettingsError(f"{origin} is {str(raw)!r}; it must be true or false.")
    return value


def _integer(origin: str, raw: object) -> int:
    text = str(raw).strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise SettingsError(f"{origin} is {str(raw)!r}; it must be a whole number.")
    return int(text)
