"""The store that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.media.gridfs import GridFS
from duetdb.app.service.media.options import MediaOptions
from duetdb.app.service.media.store import File, Store, check_holds


def store_of(engine: Engine, options: MediaOptions) -> Store:
    """The store of new files, beside which all others stay that files may still be in."""
    known: dict[str, Store] = {GridFS.name: GridFS(engine)}
    if options.media_s3_bucket is not None:
        from duetdb.app.service.media.s3 import S3  # obstore is an extra

        known[S3.name] = S3(options, engine.database.name)
    return Stores(known.pop(options.media_store), *known.values())


async def check_bucket(engine: Engine, options: MediaOptions) -> None:
    """Raises ``BadOptions`` for a bucket that is refused or missing, and ``Unavailable``."""
    if options.media_s3_bucket is not None:
        from duetdb.app.service.media.s3 import S3

        await S3(options, engine.database.name).check()


class Stores:
    """Writes to ``newest``, and reads and removes wherever bytes are."""

    def __init__(self, newest: Store, *others: Store) -> None:
        self._newest = newest
        self._all = (newest, *others)
        self.name, self.chunk = newest.name, newest.chunk

    async def start(self) -> None:
        for each in self._all:
            await each.start()

    async def stop(self) -> None:
        for each in self._all:
            await each.stop()

    async def put(self, content: ObjectId, number: int, data: bytes) -> None:
        await self._newest.put(content, number, data)

    def holds(self, file: File) -> bool:
        return any(each.holds(file) for each in self._all)

    def read(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        check_holds(self, file)
        [store] = [each for each in self._all if each.holds(file)]
        return store.read(file, start, end)

    async def remove(self, contents: Iterable[ObjectId]) -> None:
        removed = list(contents)
        for each in self._all:
            await each.remove(removed)
