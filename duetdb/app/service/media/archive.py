"""Files as GridFS stores them: read, listed and deleted here, written by ``upload``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.upload import Upload
from duetdb.app.service.principal import Principal, refusal

ABANDONED: Final = timedelta(minutes=10)
"""After so long without a sign of life an upload is given up, and what it wrote is removed."""


class Archive:
    """The files of a database, in the GridFS bucket ``_media``."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._files = engine.database["_media.files"]
        self._chunks = engine.database["_media.chunks"]
        self._uploads = engine.database["_media.uploads"]
        self._sizes = engine.database["_media.sizes"]
        self.limits = limits

    async def start(self) -> None:
        """Builds the indexes, and removes what dead workers left of their uploads."""
        with translate_driver_errors():
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
            await self._files.create_index([("metadata.origname", 1), ("_id", -1)])
            await self._files.create_index([("filename", 1)])
            await self._sizes.create_index([("file", 1)])
            await self.sweep(datetime.now(UTC) - ABANDONED)

    async def sweep(self, before: datetime) -> None:
        """Removes what uploads wrote that showed no sign of life since ``before``."""
        async for each in self._uploads.find({"touched": {"$lt": before}}):
            gone = await self._uploads.delete_one({"_id": each["_id"], "touched": each["touched"]})
            if gone.deleted_count:  # from here on it cannot be committed
                await self._chunks.delete_many({"files_id": {"$in": each["files"]}})

    def upload(self, principal: Principal) -> Upload:
        """A new upload, to be entered with ``async with``."""
        return Upload(self._engine, self.limits, principal.name)

    async def find(self, name: str) -> dict[str, Any]:
        """The file document by id or name, the newest of that name; raises ``NotFound``."""
        with translate_driver_errors():
            found = None
            if ObjectId.is_valid(name):
                found = await self._files.find_one({"_id": ObjectId(name)})
            if found is None:
                asked = {"$or": [{"metadata.origname": name}, {"filename": name}]}
                found = await self._files.find_one(asked, sort=[("_id", -1)])
        if found is None:
            raise NotFound("There is no such file in the media archive.")
        return dict(found)

    async def content(self, file: dict[str, Any], start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` to before ``end``, one chunk in memory at a time."""
        size = file["chunkSize"]
        first, last = start // size, (end - 1) // size
        asked = {"files_id": file["_id"], "n": {"$gte": first, "$lte": last}}
        with translate_driver_errors():
            async for each in self._chunks.find(asked, batch_size=4).sort("n", 1):
                offset = each["n"] * size
                yield bytes(each["data"])[max(0, start - offset) : end - offset]

    async def delete(self, name: str) -> str:
        """Removes one file and answers its id; raises ``NotFound``."""
        file = await self.find(name)
        with translate_driver_errors():
            await self._files.delete_one({"_id": file["_id"]})
            await self._chunks.delete_many({"files_id": file["_id"]})
            await self._sizes.delete_many({"file": file["_id"]})
        return str(file["_id"])

    async def kept_size(self, key: str) -> dict[str, Any] | None:
        """A size that was made before."""
        with translate_driver_errors():
            found = await self._sizes.find_one({"_id": key})
        return None if found is None else dict(found)

    async def keep_size(self, key: str, size: dict[str, Any]) -> None:
        """Keeps a size, unless its file was deleted while it was made."""
        with translate_driver_errors():
            await self._sizes.replace_one({"_id": key}, size, upsert=True)
            if await self._files.find_one({"_id": size["file"]}, {"_id": 1}) is None:
                await self._sizes.delete_one({"_id": key})

    async def list(self, skip: int, most: int) -> list[dict[str, Any]]:
        """The metadata of a page of files, the newest first."""
        with translate_driver_errors():
            cursor = self._files.find().sort("_id", -1).skip(skip).limit(most)
            return [self.metadata(each) for each in await cursor.to_list(None)]

    def metadata(self, file: dict[str, Any]) -> dict[str, Any]:
        """What ``meta`` answers (SPEC 11.3)."""
        return {
            "_id": str(file["_id"]),
            "_created": file["uploadDate"],
            "_createdby": file["metadata"]["createdby"],
            "app": self._engine.database.name,
            "origname": file["metadata"]["origname"],
            "file": file["filename"],
            "mediatype": file["metadata"]["mediatype"],
            "exif": file["metadata"]["exif"],
            "filesize": file["length"],
            "width": file["metadata"]["width"],
            "height": file["metadata"]["height"],
        }


def admit(principal: Principal, method: str) -> None:
    """Raises unless the caller may use the method on ``/media``.

    A web key must name ``/media`` or ``/media/**`` itself: no star stands for it.
    """
    named = principal.permissions.names
    if not (principal.full or named(method, "/media") or named(method, "/media/**")):
        raise refusal(principal)
