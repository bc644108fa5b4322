"""CSV cells: safe to open in a spreadsheet, and the same text again when read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Final

from bson import Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS

from duetdb.app.service.encoding import date_text
from duetdb.app.transfer.extjson import parse_document, relaxed

# A spreadsheet runs a cell that begins so as a formula.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")


def escape(text: str) -> str:
    """The text with an apostrophe in front if a spreadsheet would run it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape(cell: str) -> str:
    """The text that ``escape`` made the cell from."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def write_cell(value: Any, *, json: bool = False) -> str:
    """A stored value as a cell; null is empty, lists and objects are JSON texts.

    With ``json``, for fields of type JSON, a text is written as a JSON text too,
    so that it can be told from a number when it is read back.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if not json:
            return escape(value)
        case float() if not isfinite(value):
            return ""  # as on the wire, where NaN is null
        case ObjectId() | int() | float() | Decimal128():
            return str(value)
        case datetime() | DatetimeMS():
            return date_text(value)
        case _:
            return _json_text(value)


def _json_text(value: Any) -> str:
    """The value as relaxed Extended JSON, cut out of a document because only those have one."""
    return relaxed({"v": value})[len('{"v": ') : -1]


def read_json(cell: str) -> Any:
    """The value of a cell that holds a JSON text; raises ``ValueError``."""
    (value,) = parse_document(f'{{"v": {cell}}}'.encode()).values()
    return value


def guess(cells: list[str]) -> str:
    """The metadata type that all filled cells of a column fit: for files without metadata.

    Numbers with leading zeros are text: they are codes.
    """
    filled = [cell for cell in cells if cell]
    if not filled:
        return "text"
    if all(_INTEGER.fullmatch(cell) for cell in filled):
        return "number"
    if all(_DECIMAL.fullmatch(cell) for cell in filled):
        return "float_number"
    return "bool" if all(cell in ("true", "false") for cell in filled) else "text"


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``; the names do not contradict each other."""
    found: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return found
