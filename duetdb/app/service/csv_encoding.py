"""Documents as CSV: safe to open in a spreadsheet, and the same when they are read back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Final

from bson import Code, Decimal128, ObjectId, json_util
from bson.datetime_ms import DatetimeMS

from duetdb.app.service.encoding import date_text, id_text
from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import Collection

# A spreadsheet runs a cell that begins so as a formula.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
# An id that looks so could not be told from its neighbours, or from a JSON text.
_UNLIKE_AN_ID: Final = re.compile(r"|['\[].*|.*,.*", re.DOTALL)


class CsvWriter:
    """Turns documents into lines: a cell for each of ``columns``, which are dotted paths.

    Null, "" and an absent value are all empty. Columns of a header must not be
    inside each other.
    """

    def __init__(self, columns: Sequence[str], collection: Collection) -> None:
        self._names = columns
        self._columns = tuple(
            (tuple(path.split(".")), _cell_writer(collection.by_path.get(path))) for path in columns
        )

    def head(self) -> bytes:
        return _line(escape(name) for name in self._names)

    def row(self, document: Mapping[str, Any]) -> bytes:
        return _line([write(_value(document, path)) for path, write in self._columns])

    def tail(self) -> bytes:
        return b""


def declared_columns(collection: Collection) -> list[str]:
    """The paths of the declared fields; an object is its parts, a list of objects one cell."""
    return [
        field.path
        for field in collection.all_fields
        if field.is_stored and (field.type.name != "object" or field.is_list or not field.fields)
        if not _inside_list(field.path, collection)
    ]


def escape(text: str) -> str:
    """The text with an apostrophe in front if a spreadsheet would run it."""
    return f"'{text}" if _FORMULA.match(text) else text


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
        case Code():  # to Python a text, and to readers of the file code
            return _json_text(value)
        case str() if not json:
            return escape(value)
        case float() if not isfinite(value):
            return ""  # as on the wire, where NaN is null
        case Decimal128() if not value.to_decimal().is_finite():
            return ""
        case ObjectId() | int() | float() | Decimal128():
            return str(value)
        case datetime() | DatetimeMS():
            return date_text(value)
        case _:
            return _json_text(value)


def write_ids(value: Any) -> str:
    """References and media as a cell: their ids joined by commas, or a JSON text if they hold any.

    Like null and an absent value, no ids at all are empty.
    """
    if value is None:
        return ""
    ids = value if isinstance(value, list) else [value]
    if any(each is None or isinstance(each, dict | list) for each in ids):
        return _json_text(ids)
    texts = [id_text(each) for each in ids]
    if any(_UNLIKE_AN_ID.fullmatch(text) for text in texts):
        return _json_text(ids)
    return escape(",".join(texts))


def _cell_writer(field: Field | None) -> Callable[[Any], str]:
    if field is not None and (field.relation or field.type.media):
        return write_ids
    if field is not None and field.type.name == "JSON" and not field.is_list:
        return _json_cell
    return write_cell


def _json_cell(value: Any) -> str:
    return write_cell(value, json=True)


def _json_text(value: Any) -> str:
    """The value as relaxed Extended JSON."""
    options = json_util.RELAXED_JSON_OPTIONS
    return json_util.dumps(value, json_options=options, ensure_ascii=False)


def _inside_list(path: str, collection: Collection) -> bool:
    """Whether the field is part of an object in a list, which is one JSON cell."""
    parts = path.split(".")
    parents = (".".join(parts[:length]) for length in range(1, len(parts)))
    return any(collection.by_path[parent].is_list for parent in parents)


def _value(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode("utf-8", "replace")
