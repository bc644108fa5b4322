"""CSV cells, read back: what ``service.csv_encoding`` wrote, and what other programs write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from duetdb.app.transfer.extjson import parse_document
from duetdb.schema_gen.fields.instants import read_instant

_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z)?")
_COMPOUND: Final = re.compile(r"[\[{].*", re.DOTALL)


def unescape(cell: str) -> str:
    """The text that ``escape`` made the cell from."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def read_json(cell: str) -> Any:
    """The value of a cell that holds a JSON text; raises ``ValueError``."""
    (value,) = parse_document(f'{{"v": {cell}}}'.encode()).values()
    return value


def _whole(cell: str) -> int:
    return int(_matching(_INTEGER, cell))


def _decimal(cell: str) -> float:
    return float(_matching(_DECIMAL, cell))


def _truth(cell: str) -> bool:
    return {"true": True, "false": False}[cell]


def _instant(cell: str) -> datetime:
    return read_instant(_matching(_INSTANT, cell), "")


def _compound(cell: str) -> Any:
    return read_json(_matching(_COMPOUND, cell))


def _matching(pattern: re.Pattern[str], cell: str) -> str:
    if not pattern.fullmatch(cell):
        raise ValueError(cell)
    return cell


GUESSES: Final[Mapping[str, Callable[[str], Any]]] = {
    "number": _whole,
    "float_number": _decimal,
    "bool": _truth,
    "datetime": _instant,
    "JSON": _compound,
}
"""What a column without metadata may be, and how its cells are read; else it is text.

Numbers with leading zeros are text, because they are codes.
"""


def guess(cells: Sequence[str]) -> str:
    """The type in ``GUESSES`` that all filled cells of a column fit, or text."""
    filled = [cell for cell in cells if cell]
    if filled:
        for kind, read in GUESSES.items():
            if _fit(read, filled):
                return kind
    return "text"


def _fit(read: Callable[[str], Any], cells: Sequence[str]) -> bool:
    try:
        for cell in cells:
            read(cell)
    except (ValueError, KeyError):
        return False
    return True


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
