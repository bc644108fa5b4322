"""Whether everything that a caller sends is something that it may write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from duetdb.app.service.errors import Forbidden
from duetdb.app.service.query import Operation
from duetdb.schema_gen.model import SYSTEM_FIELDS, Collection
from duetdb.schema_gen.rights import FieldSet

_SYSTEM = frozenset(SYSTEM_FIELDS)


def check_written(
    collection: Collection, changes: Mapping[str, Any], operations: Iterable[Operation] = ()
) -> None:
    """Raises ``Forbidden`` for the first value that may not be written.

    Names that a field had before count as those it has now. System fields in
    bodies are ignored by all writes, so they are here (SPEC 4.2).
    """
    writable = collection.rights.writable
    if writable.is_everything:
        return
    for name, value in changes.items():
        if name not in _SYSTEM:
            _check(_path(name, collection), value, writable)
    for each in operations:
        _check(_path(each.path, collection), each.value, writable)
        if each.operator == "rename":
            _check_moved(collection, each, writable)


def _check(path: str, value: Any, writable: FieldSet) -> None:
    if writable.has_whole(path):
        return
    if not writable.has(path) or value is None or not isinstance(value, Mapping | list):
        raise _forbidden(path)
    for each in value if isinstance(value, list) else (value,):
        if not isinstance(each, Mapping):
            raise _forbidden(path)
        for name, inner in each.items():
            _check(f"{path}.{_plain(name)}", inner, writable)


def _check_moved(collection: Collection, rename: Operation, writable: FieldSet) -> None:
    """What is moved comes to be seen under its new name, so the old one must be readable."""
    if not isinstance(rename.value, str):
        return
    _check(_path(rename.value, collection), None, writable)
    path = _path(rename.path, collection)
    narrowing = collection.narrowing
    if narrowing is not None and not narrowing.visible.has_whole(path):
        raise _forbidden(path)


def _path(name: str, collection: Collection) -> str:
    path = _plain(name)
    for now, before in collection.whole.former.items():
        if path == before or path.startswith(f"{before}."):
            return now + path.removeprefix(before)
    return path


def _plain(name: str) -> str:
    """The path without positions in lists."""
    return ".".join(part for part in name.split(".") if not part.isdigit()) or name


def _forbidden(path: str) -> Forbidden:
    return Forbidden(
        f"'{path[:100]}' may not be written by this caller.",
        hint="Leave it out, or ask for a key or a role that may write it.",
    )
