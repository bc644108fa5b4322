"""What of stored documents a caller with limited rights may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duetdb.app.service.query import Document
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.rights import FieldSet


def shown(documents: Sequence[Document], collection: Collection) -> list[Document]:
    """The documents as the caller sees them that ``collection`` is narrowed for.

    They are copied where something is left out, and are themselves otherwise.
    """
    narrowing = collection.narrowing
    if narrowing is None or narrowing.visible.is_everything:
        return list(documents)
    return [_part(each, "", narrowing.visible) for each in documents]


def _part(value: Any, path: str, visible: FieldSet) -> Any:
    if isinstance(value, list):
        return [_part(each, path, visible) for each in value]
    if not isinstance(value, dict):
        return value
    base = f"{path}." if path else ""
    found = {}
    for name, inner in value.items():
        below = f"{base}{name}"
        if visible.has_whole(below):
            found[name] = inner
        elif visible.has(below) and isinstance(inner, dict | list):
            found[name] = _part(inner, below, visible)
    return found
