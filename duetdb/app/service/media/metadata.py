"""What is told of a file: ``meta``, ``fetchmediadata`` and GraphQL answer the same (SPEC 11.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

T = TypeVar("T")

FILES: Final = "_media.files"
"""The collection in which each file of the archive has its document."""
SIZES: Final = "_media.sizes"
"""The collection of the smaller pictures, each with the id of the content it was made of."""


def metadata_of(file: Mapping[str, Any], database: str) -> dict[str, Any]:
    """The metadata of a file by its document.

    Files that other GridFS clients have put there may lack some of it, or have it of
    other types: that is null.
    """
    about = _of(dict, file.get("metadata")) or {}
    name = _of(str, file.get("filename"))
    return {
        "_id": str(file["_id"]),
        "_created": _of(datetime, file.get("uploadDate")),
        "_createdby": _of(str, about.get("createdby")),
        "app": database,
        "origname": _of(str, about.get("origname", name)),
        "file": name,
        "mediatype": _of(str, about.get("mediatype")),
        "exif": _of(dict, about.get("exif", {})),
        "filesize": _of(int, file.get("length")),
        "width": _of(int, about.get("width")),
        "height": _of(int, about.get("height")),
    }


def _of(kind: type[T], value: Any) -> T | None:
    return value if isinstance(value, kind) else None
