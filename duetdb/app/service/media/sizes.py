"""The smaller sizes of pictures: made when first asked for, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import Binary

from duetdb.app.service.limits import Limits
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.kinds import INLINE
from duetdb.app.service.media.resizer import Job, Resizer
from duetdb.app.service.media.store import File, content_of, notes_of

WIDTHS: Final[Mapping[str, int]] = {"t": 128, "w": 640}
"""Pixels of the widths that SPEC 11 names."""
FORMS: Final[Mapping[str, str]] = {"image/avif": "AVIF", "image/webp": "WEBP"}
"""The media types in which a size is made where they are asked for, the smaller files first."""

_AGAIN: Final = timedelta(hours=1)
"""After so long what could not be made smaller is tried again, perhaps by a newer decoder."""


@dataclass(frozen=True, slots=True)
class Size:
    """A smaller picture; ``key`` names it, and no other content ever has it."""

    key: str
    data: bytes
    mediatype: str


class Sizes:
    """Sizes of the pictures of ``archive``.

    A worker makes each of them once for all who ask meanwhile. Two workers may both make one
    when it is first asked for; then it is kept for all.
    """

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        self._resizer = Resizer(
            limits.media_resizing,
            limits.media_resize_waiting,
            limits.media_resize_seconds,
            limits.media_resize_bytes,
        )
        self._making: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def stop(self) -> None:
        """Gives up what is being made, and ends the processes that make it."""
        making = list(self._making.values())
        for each in making:
            each.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        await self._resizer.stop()

    async def of(self, file: File, size: str, mediatype: str | None) -> Size | None:
        """A size of a picture, in one of ``FORMS`` or with None as every browser shows it.

        None for what is no picture, over the limits or broken: then the original serves.
        Raises ``Unavailable`` when too many are being made.
        """
        if not self._within_limits(file):
            return None
        form = FORMS[mediatype] if mediatype else ""
        key = ".".join(filter(None, (str(content_of(file)), size, form.lower())))
        found = await self._archive.kept_size(key)
        if found is None or not _is_good(found):
            found = await self._made_once(key, file, WIDTHS[size], form)
        if "data" not in found:
            return None
        return Size(key, bytes(found["data"]), found["mediatype"])

    def _within_limits(self, file: File) -> bool:
        limits, known = self._limits, notes_of(file)
        width, height = known.get("width"), known.get("height")
        return (
            known.get("mediatype") in INLINE.values()
            and isinstance(width, int)
            and isinstance(height, int)
            and 0 < width * height <= limits.media_pixels
            and max(width, height) <= limits.media_ratio * min(width, height)
        )

    async def _made_once(self, key: str, file: File, width: int, form: str) -> dict[str, Any]:
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, file, width, form))
            self._making[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def _end(self, key: str, done: asyncio.Task[dict[str, Any]]) -> None:
        del self._making[key]
        if not done.cancelled():
            done.exception()  # it is looked at even where everybody who asked has left

    async def _make(self, key: str, file: File, width: int, form: str) -> dict[str, Any]:
        kept = await self._archive.kept_size(key)
        if kept is not None and _is_good(kept):  # it was made since it was looked for
            return kept
        job = Job(file["length"], width, form, self._limits.media_pixels)
        made = await self._resizer.smaller(job, self._archive.content(file, 0, job.length))
        size: dict[str, Any] = {"made": datetime.now(UTC)}
        if made is not None:
            size |= {"data": Binary(made[0]), "mediatype": made[1]}
        await self._archive.keep_size(file, key, size)
        return size


def _is_good(kept: Mapping[str, Any]) -> bool:
    """Whether it is a size, or was tried lately."""
    made: datetime = kept["made"]
    moment = made if made.tzinfo else made.replace(tzinfo=UTC)
    return "data" in kept or datetime.now(UTC) - moment < _AGAIN
