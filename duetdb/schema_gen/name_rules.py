"""Which names and texts metadata may hold."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.well_formed import check_text

LONGEST_NAME = 100
"""Characters of a collection's or a field's name."""


def collection_name_mistake(name: Any) -> str | None:
    """What is wrong with a collection's name, as a sentence; None if it is a good one."""
    mistake = _common(name)
    if mistake is not None:
        return mistake
    if name.startswith("_"):
        return "A collection's name must not begin with '_': those are reserved for DuetDB."
    if name.startswith("system."):
        return "A collection's name must not begin with 'system.': those are MongoDB's own."
    if any(sign in name for sign in "/\\$*?#"):
        return "A collection's name must not contain any of / \\ $ * ? and #."
    if name.startswith(".") or name.endswith("."):
        return "A collection's name must not begin or end with a dot."
    return None


def field_name_mistake(name: Any) -> str | None:
    """What is wrong with a field's name, as a sentence; None if it is a good one."""
    mistake = _common(name)
    if mistake is not None:
        return mistake
    if name[0] in "_$":
        return f"A field's name must not begin with '{name[0]}'."
    if "." in name:
        return "A field's name must not contain a dot; use a field of type object for nested data."
    return None


def text_mistake(value: Any, longest: int) -> str | None:
    """What is wrong with an optional text, worded to follow its name in a sentence."""
    if value is None:
        return None
    if not isinstance(value, str):
        return "must be a string."
    if len(value) > longest:
        return f"may have at most {longest} characters."
    try:
        check_text(value)
    except Mismatch as error:
        return f"cannot be stored: {error}"
    return None


def _common(name: Any) -> str | None:
    if not isinstance(name, str):
        return "A name must be a string."
    if not name:
        return "A name must not be empty."
    if len(name) > LONGEST_NAME:
        return f"A name may have at most {LONGEST_NAME} characters."
    if name != name.strip() or any(ord(sign) < 32 or ord(sign) == 127 for sign in name):
        return "A name must not contain control characters, or spaces at its ends."
    try:
        check_text(name)
    except Mismatch as error:
        return str(error)
    return None
