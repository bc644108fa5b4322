"""Widens an inferred definition until it admits the documents that the sample did not show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from duetdb.schema_gen.positions import is_position

_KEPT: tuple[str, ...] = ("name", "description", "required")

Fault = tuple[str, str]
"""A dotted path, list positions included, and the code REQUIRED or TYPE."""


def relax(
    definition: Mapping[str, Any], faults: Collection[Fault], fallback: str = "JSON"
) -> tuple[dict[str, Any], list[str]]:
    """The definition without what the faults contradict, and a sentence for each change.

    A field that is missing somewhere is not required; an option with another
    value is text; a field with values of another type gets the type ``fallback``.
    Faults that no definition could admit change nothing.
    """
    paths = {(_names(path), code) for path, code in faults}
    said: list[str] = []
    fields = _fields(definition.get("fields") or (), (), paths, fallback, said)
    return {**definition, "fields": fields}, said


def _fields(
    fields: Sequence[Mapping[str, Any]],
    prefix: tuple[str, ...],
    faults: Collection[tuple[tuple[str, ...], str]],
    fallback: str,
    said: list[str],
) -> list[dict[str, Any]]:
    found = []
    for each in fields:
        path = (*prefix, each["name"])
        field = dict(each)
        if (path, "REQUIRED") in faults and field.pop("required", False):
            said.append(f"'{'.'.join(path)}' is missing or empty in some rows: not required.")
        if (path, "TYPE") in faults:
            field = _widened(field, ".".join(path), fallback, said)
        if field.get("fields"):
            field["fields"] = _fields(field["fields"], path, faults, fallback, said)
        found.append(field)
    return found


def _widened(field: dict[str, Any], path: str, fallback: str, said: list[str]) -> dict[str, Any]:
    kind = "text" if field["type"] == "option" else fallback
    if field["type"] == kind:
        return field
    said.append(f"'{path}' holds other values than {field['type']} in some rows: declared {kind}.")
    kept = {key: field[key] for key in _KEPT if key in field}
    if field["type"] == "option" and field.get("multiple"):
        kept["multiple"] = True
    return {**kept, "type": kind}


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split(".") if not is_position(name))
