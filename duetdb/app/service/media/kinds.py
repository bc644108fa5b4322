"""What a file is, found from its content and never from what its sender says."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import ExifTags, Image

from duetdb.app.service.media.dimensions import avif_size, webp_size

Image.MAX_IMAGE_PIXELS = None  # nothing is decoded in this process, and ``Sizes`` has a limit

UNKNOWN: Final = "application/octet-stream"
INLINE: Final[Mapping[str, str]] = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}
"""The formats that a browser shows; all others are downloaded, so that none of them runs."""

_TYPE: Final = re.compile(
    r"(audio|video|font|model)/(?!.*xml)[a-z0-9][a-z0-9.+-]{0,99}"
    r"|text/(plain|csv|tab-separated-values|markdown|calendar|vcard)"
    r"|application/(pdf|json|geo\+json|rtf|msword|zip|gzip|epub\+zip|sqlite3|x-tar|x-7z-compressed)"
    r"|application/vnd\.(ms-(excel|powerpoint|outlook)|(oasis\.open|openxmlformats-office)"
    r"document\.[a-z.-]{1,80})"
)
"""What a file may be called by its sender; a browser runs none of it, wherever it is put to use.

A download is not enough: pages take scripts and styles from any address by their type.
"""

_SIZES: Final = {"image/webp": webp_size, "image/avif": avif_size}
_BY_PILLOW: Final = ("PNG", "JPEG", "GIF")
"""Formats whose beginnings Pillow reads in Python, so that nothing native meets a hostile one.

A JPEG behind which its camera has put more pictures is MPO to Pillow, and a JPEG to browsers.
"""
_UNSEEN: Final = re.compile("C.|Zl|Zp")
"""Categories of Unicode that a name has no use for."""
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

    What is no picture keeps its declared type if that is one of those that are harmless.
    """
    for mediatype, size_of in _SIZES.items():
        size = size_of(start)
        if size is not None:
            return Kind(mediatype, *size)
    try:
        with Image.open(io.BytesIO(start), formats=_BY_PILLOW) as picture:
            kind = INLINE["JPEG" if picture.format == "MPO" else picture.format or ""]
            return Kind(kind, picture.width, picture.height, _exif(picture))
    except Exception:  # whatever is wrong with its beginning, it is no picture
        named = declared.partition(";")[0].strip().lower()
        return Kind(named if _TYPE.fullmatch(named) else UNKNOWN)


def harmless(mediatype: str) -> str:
    """The stored type of a file if ``kind_of`` may have found it, and else that of unknown bytes.

    Other programs may store files as well.
    """
    return mediatype if mediatype in INLINE.values() or _TYPE.fullmatch(mediatype) else UNKNOWN


def clean_name(name: str) -> str:
    """A file name without its path, control characters, line ends and what turns text around."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(each for each in last if not _UNSEEN.fullmatch(unicodedata.category(each)))
    return kept.strip(" .")[-_LONGEST_NAME:] or "file"


def _exif(picture: Image.Image) -> dict[str, Any]:
    """The values that are short texts or numbers, by their names."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return {}  # behind the pixels there might be some, for which all of them would be decoded
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
