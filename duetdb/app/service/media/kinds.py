"""What a file is, found from its content and never from what its sender says."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import ExifTags, Image

UNKNOWN: Final = "application/octet-stream"
INLINE: Final[Mapping[str, str]] = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}
"""The formats that a browser shows; all others are downloaded, so that none of them runs."""

_TYPE: Final = re.compile(r"(application|audio|font|model|text|video)/[a-z0-9][a-z0-9.+-]{0,99}")
_LONGEST_NAME: Final = 150
_MOST_EXIF: Final = 100
_LONGEST_EXIF: Final = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A media type; for pictures also width and height in pixels, and the EXIF values."""

    mediatype: str
    width: int | None = None
    height: int | None = None
    exif: Mapping[str, Any] = field(default_factory=dict)


def kind_of(start: bytes, declared: str) -> Kind:
    """The kind of a file by its beginning; nothing is decoded, so no bomb goes off.

    What is no picture keeps its declared type, which is only ever sent with a download.
    """
    try:
        with Image.open(io.BytesIO(start), formats=tuple(INLINE)) as picture:
            kind = INLINE[picture.format or ""]
            return Kind(kind, picture.width, picture.height, _exif(picture))
    except Exception:  # whatever a decoder finds wrong with it, it is no picture
        named = declared.partition(";")[0].strip().lower()
        return Kind(named if _TYPE.fullmatch(named) else UNKNOWN)


def clean_name(name: str) -> str:
    """A file name without its path, control characters and what turns text around."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(each for each in last if unicodedata.category(each)[0] != "C")
    return kept.strip(" .")[-_LONGEST_NAME:] or "file"


def _exif(picture: Image.Image) -> dict[str, Any]:
    """The values that are short texts or numbers, by their names."""
    try:
        found = picture.getexif()
    except Exception:  # a broken block makes no broken picture
        return {}
    values: dict[str, Any] = {}
    for tag, value in list(found.items())[:_MOST_EXIF]:
        if isinstance(value, str):
            values[ExifTags.TAGS.get(tag, str(tag))] = value.replace("\0", "")[:_LONGEST_EXIF]
        elif isinstance(value, int) and abs(value) < 1 << 62 and tag != ExifTags.Base.GPSInfo:
            values[ExifTags.TAGS.get(tag, str(tag))] = value
    return values
