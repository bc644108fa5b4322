"""Database calls that read, each within this server's limits of time and size."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from duetdb.app.service.driver_errors import naming_sort
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Document
from duetdb.app.service.reading import explain, stages
from duetdb.app.service.reading.index_guard import IndexGuard
from duetdb.app.service.reading.nearest import has_near, nearest_first
from duetdb.app.service.reading.searching import is_search

_STREAM_BATCH = 250
"""Documents in memory at once. With 1,000, small ones come a fifth faster, and those of 16 KB cost
100 MB instead of 40."""


class Source:
    """Each method is one call: one round trip unless the answer outgrows 16 MB."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._collections: dict[str, Any] = {}
        self.limits = limits
        self.in_memory = engine.in_memory
        self._guard: IndexGuard | None = None
        if limits.require_index and not engine.in_memory:
            self._guard = IndexGuard(engine.database, limits)

    @property
    def database_name(self) -> str:
        return str(self._engine.database.name)

    def refuse_in_memory(self, what: str) -> None:
        """Raises ``NotAvailable`` where the engine in memory would compute something else."""
        if self.in_memory:
            raise NotAvailable(
                f"{what} is not available in memory mode.",
                hint="Use the embedded database (serve without --memory) or a MongoDB.",
            )

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
        if explain.is_explaining():
            await self._explain("find", name, _find(name, where, fields, limit=1))
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
        if self._is_watched:
            await self._look("find", name, _find(name, where, fields, sort, skip, limit))
        cursor = self.collection(name).find(
            where,
            fields,
            skip=skip,
            limit=limit,
            sort=sort,
            batch_size=limit,
            max_time_ms=self._milliseconds(where),
            allow_disk_use=self.limits.sort_disk,
        )
        with naming_sort(sort):
            found: list[Document] = await cursor.to_list(None)
        return found

    async def aggregate(
        self, name: str, pipeline: Sequence[Mapping[str, Any]], size: int
    ) -> list[Document]:
        """What a pipeline gives, in one round trip if it is at most ``size`` documents."""
        return await self._pipeline("aggregate", name, pipeline, size)

    async def _pipeline(
        self, operation: str, name: str, pipeline: Sequence[Mapping[str, Any]], size: int
    ) -> list[Document]:
        pipeline = pipeline if self.in_memory else nearest_first(pipeline)
        if self._is_watched:
            await self._look(operation, name, _aggregate(name, pipeline))
        with naming_sort(stages.sort_of(pipeline)):
            cursor = await self.collection(name).aggregate(
                pipeline,
                # The database sees that there is no more only if it could send one more.
                batchSize=size + 1,
                maxTimeMS=self._milliseconds(stages.where_of(pipeline)),
                allowDiskUse=self.limits.sort_disk,
            )
            found: list[Document] = await cursor.to_list(None)
        return found

    async def count(self, name: str, where: Mapping[str, Any]) -> int:
        """How many documents match."""
        if has_near(where) and not self.in_memory:
            found = await self._pipeline("count", name, [{"$match": where}, {"$count": "n"}], 1)
            return int(found[0]["n"]) if found else 0
        if self._is_watched:
            group = {"_id": 1, "n": {"$sum": 1}}
            counting: list[dict[str, Any]] = [{"$match": where}, {"$group": group}]
            look = self._look if where else self._explain
            await look("count", name, _aggregate(name, counting))
        milliseconds = self._milliseconds(where)
        counted = self.collection(name).count_documents(where, maxTimeMS=milliseconds)
        return int(await counted)

    async def estimate(self, name: str) -> int:
        """How many documents the collection says that it holds."""
        if explain.is_explaining():
            await self._explain("count", name, {"count": name})
        return int(await self.collection(name).estimated_document_count())

    async def stream(
        self,
        name: str,
        where: Mapping[str, Any],
        fields: Mapping[str, int] | None,
        sort: Sequence[tuple[str, int]],
        skip: int = 0,
        limit: int = 0,
        milliseconds: int | None = None,
    ) -> AsyncGenerator[list[Document], None]:
        """All matches in batches; never more than one batch in memory.

        It may take ``milliseconds``, or as long as an answer that is a stream.
        """
        if self._is_watched:
            await self._look("find", name, _find(name, where, fields, sort, skip, limit))
        cursor = self.collection(name).find(
            where,
            fields,
            skip=skip,
            limit=limit,
            sort=sort,
            batch_size=_STREAM_BATCH,
            max_time_ms=self.limits.stream_ms if milliseconds is None else milliseconds,
            allow_disk_use=self.limits.sort_disk,
        )
        try:
            with naming_sort(sort):
                while batch := await cursor.to_list(_STREAM_BATCH):
                    yield batch
        finally:
            await cursor.close()

    async def stream_pipeline(
        self, name: str, pipeline: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[list[Document], None]:
        """What a pipeline gives, in batches as ``stream``."""
        pipeline = nearest_first(pipeline)
        if self._is_watched:
            await self._look("aggregate", name, _aggregate(name, pipeline))
        cursor = await self.collection(name).aggregate(
            pipeline,
            batchSize=_STREAM_BATCH,
            maxTimeMS=self.limits.stream_ms,
            allowDiskUse=self.limits.sort_disk,
        )
        try:
            while batch := await cursor.to_list(_STREAM_BATCH):
                yield batch
        finally:
            await cursor.close()

    async def demand_index(self, name: str, where: Mapping[str, Any]) -> None:
        """Raises ``LimitExceeded`` if a write by this filter would have to look at everything."""
        if self._guard is not None and where:
            await self._guard.check(name, _find(name, where, None))

    def _milliseconds(self, where: Mapping[str, Any]) -> int:
        limits = self.limits
        return min(limits.regex_ms, limits.query_ms) if is_search(where) else limits.query_ms

    @property
    def _is_watched(self) -> bool:
        return self._guard is not None or explain.is_explaining()

    async def _look(self, operation: str, name: str, command: Mapping[str, Any]) -> None:
        """What is to be done before a read: it may be refused, and explained."""
        if self._guard is not None:
            await self._guard.check(name, command)
        await self._explain(operation, name, command)

    async def _explain(self, operation: str, name: str, command: Mapping[str, Any]) -> None:
        database, milliseconds = self._engine.database, self.limits.query_ms
        await explain.note(database, name, operation, command, milliseconds)


def _find(
    name: str,
    where: Mapping[str, Any],
    fields: Mapping[str, int] | None,
    sort: Sequence[tuple[str, int]] | None = None,
    skip: int = 0,
    limit: int = 0,
) -> dict[str, Any]:
    """A find as the command that the driver makes of it."""
    command: dict[str, Any] = {"find": name, "filter": where, "skip": skip, "limit": limit}
    if fields:
        command["projection"] = fields
    if sort:
        command["sort"] = dict(sort)
    return command


def _aggregate(name: str, pipeline: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"aggregate": name, "pipeline": pipeline, "cursor": {}}
