"""What is told of a file: ``meta``, ``fetchmediadata`` and GraphQL answer the same (SPEC 11.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

FILES: Final = "_media.files"
"""The collection in which each file of the archive has its document."""


def metadata_of(file: Mapping[str, Any], database: str) -> dict[str, Any]:
    """The metadata of a file by its document.

    Files that other GridFS clients have put there lack some of it, which is null then.
    """
    found = file.get("metadata")
    about: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    return {
        "_id": str(file["_id"]),
        "_created": file.get("uploadDate"),
        "_createdby": about.get("createdby"),
        "app": database,
        "origname": about.get("origname", file.get("filename")),
        "file": file.get("filename"),
        "mediatype": about.get("mediatype"),
        "exif": about.get("exif", {}),
        "filesize": file.get("length"),
        "width": about.get("width"),
        "height": about.get("height"),
    }
