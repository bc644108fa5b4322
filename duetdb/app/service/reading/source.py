"""Database calls that read, each within this server's limits of time and size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Document

_STREAM_BATCH = 1000
_LEVEL_PAGES = 10


class Source:
    """Each method is one call: one round trip unless the answer outgrows 16 MB."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._collections: dict[str, Any] = {}
        self.limits = limits
        self.in_memory = engine.in_memory

    @property
    def level_ceiling(self) -> int:
        """The most related documents that one level of one answer may hold in memory."""
        return self.limits.page_ceiling * _LEVEL_PAGES

    def collection(self, name: str) -> Any:
        """The driver's collection; made once, because making one costs more than using it."""
        found = self._collections.get(name)
        if found is None:
            found = self._collections[name] = self._engine.database[name]
        return found

    async def one(
        self, name: str, where: Mapping[str, Any], fields: Mapping[str, int] | None
    ) -> list[Document]:
        """The first match, or none."""
        found = await self.collection(name).find_one(
            where, fields, max_time_ms=self.limits.query_ms
        )
        return [] if found is None else [found]

    async def find(
        self,
        name: str,
        where: Mapping[str, Any],
        fields: Mapping[str, int] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """A page. The batch is the page: the driver's default of 101 costs a second trip."""
        cursor = self.collection(name).find(
            where,
            fields,
            skip=skip,
            limit=limit,
            sort=sort,
            batch_size=limit,
            max_time_ms=self.limits.query_ms,
        )
        found: list[Document] = await cursor.to_list(None)
        return found

    async def aggregate(
        self, name: str, pipeline: Sequence[Mapping[str, Any]], size: int
    ) -> list[Document]:
        """What a pipeline gives, at most ``size`` documents of it in the first batch."""
        cursor = await self.collection(name).aggregate(
            pipeline, batchSize=size, maxTimeMS=self.limits.query_ms, allowDiskUse=True
        )
        found: list[Document] = await cursor.to_list(None)
        return found

    async def stream(
        self,
        name: str,
        where: Mapping[str, Any],
        fields: Mapping[str, int] | None,
        sort: Sequence[tuple[str, int]],
        skip: int = 0,
        limit: int = 0,
    ) -> AsyncIterator[list[Document]]:
        """All matches in batches; never more than one batch in memory."""
        cursor = self.collection(name).find(
            where,
            fields,
            skip=skip,
            limit=limit,
            sort=sort,
            batch_size=_STREAM_BATCH,
            max_time_ms=self.limits.stream_ms,
        )
        try:
            while batch := await cursor.to_list(_STREAM_BATCH):
                yield batch
        finally:
            await cursor.close()
