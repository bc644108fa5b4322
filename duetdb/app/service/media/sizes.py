"""The smaller sizes of pictures: made when first asked for, off the event loop, and kept."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import Mapping
from typing import Any, Final

from bson import Binary
from PIL import Image, ImageOps

from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.kinds import INLINE

WIDTHS: Final[Mapping[str, int]] = {"t": 128, "w": 640}
"""Pixels of the widths that SPEC 11 names."""

_AT_A_TIME: Final = 2
_MOST_PIXELS: Final = 40_000_000
_MOST_RATIO: Final = 50
_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "PNG"}
"""In what a size is written; WebP where nothing is said."""


class Sizes:
    """Sizes of the pictures of ``archive``; what cannot be made is None, the original serves."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._slots = asyncio.Semaphore(_AT_A_TIME)
        self._making: dict[str, asyncio.Task[dict[str, Any] | None]] = {}

    async def of(self, file: dict[str, Any], size: str) -> tuple[bytes, str] | None:
        """Bytes and media type of a size of a picture, made once for all who ask meanwhile."""
        about = file["metadata"]
        width, height = about["width"], about["height"]
        if about["mediatype"] not in INLINE.values() or width * height > _MOST_PIXELS:
            return None
        if max(width, height) > _MOST_RATIO * min(width, height):
            return None
        key = f"{file['_id']}.{size}"
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._made(key, file, WIDTHS[size]))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
        found = await asyncio.shield(task)
        return None if found is None else (bytes(found["data"]), found["mediatype"])

    async def _made(self, key: str, file: dict[str, Any], width: int) -> dict[str, Any] | None:
        kept = await self._archive.kept_size(key)
        if kept is not None:
            return kept
        async with self._slots:
            parts = [each async for each in self._archive.content(file, 0, file["length"])]
            kind = file["metadata"]["mediatype"]
            made = await asyncio.to_thread(smaller, b"".join(parts), kind, width)
        if made is None:
            return None
        size = {"file": file["_id"], "data": Binary(made[0]), "mediatype": made[1]}
        await self._archive.keep_size(key, size)
        return size


def smaller(content: bytes, mediatype: str, width: int) -> tuple[bytes, str] | None:
    """The picture upright, at most ``width`` wide and without EXIF, and its media type.

    None for what cannot be decoded to its end.
    """
    form = _FORMATS.get(mediatype, "WEBP")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=tuple(INLINE)) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    return None
                upright = ImageOps.exif_transpose(picture)
        if upright.width > width:
            height = max(1, round(upright.height * width / upright.width))
            upright = upright.convert(_mode(upright, form)).resize((width, height))
        plain = Image.new(_mode(upright, form), upright.size)
        plain.paste(upright.convert(plain.mode))
        written = io.BytesIO()
        plain.save(written, form)
    except Exception:  # whatever a decoder finds wrong with it, there is no smaller one
        return None
    return written.getvalue(), INLINE[form]


def _mode(picture: Image.Image, form: str) -> str:
    return "RGBA" if form != "JPEG" and picture.has_transparency_data else "RGB"
