"""The in-memory engine: mongomock-motor in the shape of PyMongo's asynchronous driver.

Mongomock ignores some of what it does not know. Here it is asked only what is on the lists of
this file; everything else is ``NotAvailable``, never a wrong result.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, NoReturn

from mongomock_motor import AsyncMongoMockClient
from pymongo.errors import PyMongoError

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable

_QUERY = frozenset(
    "$eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $regex $options $elemMatch "
    "$all $size $type".split()
)
_UPDATE = frozenset(
    "$set $unset $inc $min $max $push $each $pull $pullAll $addToSet $pop $rename "
    "$setOnInsert".split()
)
_STAGES = frozenset("$match $sort $skip $limit $project $group $unwind $count $addFields".split())
_EXPRESSIONS = frozenset("$sum $avg $min $max $first $last $push $addToSet $size $ifNull".split())

# Options that change how fast an answer comes, not what it is.
_HARMLESS = frozenset(
    "batch_size max_time_ms maxTimeMS allowDiskUse allow_disk_use comment hint".split()
)
_UNDERSTOOD = frozenset(
    "filter projection sort skip limit upsert return_document ordered name unique background "
    "array_filters".split()
)
_WITH_FILTER = frozenset(
    "find find_one count_documents delete_one delete_many replace_one find_one_and_delete "
    "find_one_and_replace".split()
)
_WITH_UPDATE = frozenset("update_one update_many find_one_and_update".split())
_PLAIN = frozenset(
    "insert_one insert_many create_index drop_index drop_indexes index_information "
    "estimated_document_count distinct drop".split()
)


def memory_engine(database: str) -> Engine:
    """An engine whose data is gone when the process ends."""
    client = MemoryClient()
    return Engine(client=client, database=client[database], in_memory=True)


class MemoryClient:
    """The part of ``AsyncMongoClient`` that memory mode has."""

    def __init__(self) -> None:
        self._client: Any = AsyncMongoMockClient()

    def __getitem__(self, name: str) -> MemoryDatabase:
        return MemoryDatabase(self, self._client[name])

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)

    def get_database(self, name: str, *_options: Any, **_more: Any) -> MemoryDatabase:
        return self[name]

    @property
    def admin(self) -> MemoryDatabase:
        return self["admin"]

    async def drop_database(self, name: str) -> None:
        await self._client.drop_database(name)

    async def list_database_names(self) -> list[str]:
        names: list[str] = await self._client.list_database_names()
        return names

    async def close(self) -> None:
        """Nothing to close: the data goes with the last reference."""


class MemoryDatabase:
    """The part of ``AsyncDatabase`` that memory mode has."""

    def __init__(self, client: MemoryClient, database: Any) -> None:
        self.client = client
        self.name: str = database.name
        self._database = database

    def __getitem__(self, name: str) -> MemoryCollection:
        return MemoryCollection(self, self._database[name])

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)

    def get_collection(self, name: str, *_options: Any, **_more: Any) -> MemoryCollection:
        return self[name]

    async def list_collection_names(self) -> list[str]:
        names: list[str] = await self._database.list_collection_names()
        return names

    async def create_collection(self, name: str) -> MemoryCollection:
        await self._database.create_collection(name)
        return self[name]

    async def drop_collection(self, name: str) -> None:
        await self._database.drop_collection(name)

    async def command(self, command: Any, *_value: Any, **_options: Any) -> dict[str, Any]:
        name = command if isinstance(command, str) else next(iter(command))
        if name != "ping":
            _refuse(f"The command {name}")
        return {"ok": 1.0}


class MemoryCollection:
    """The part of ``AsyncCollection`` that memory mode has."""

    def __init__(self, database: MemoryDatabase, collection: Any) -> None:
        self.database = database
        self.name: str = collection.name
        self._collection = collection

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name not in _WITH_FILTER | _WITH_UPDATE | _PLAIN:
            _refuse(name)
        method = getattr(self._collection, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            kept = _options(options)
            if name in _WITH_FILTER | _WITH_UPDATE:
                _check(kept.get("filter", arguments[0] if arguments else None), _QUERY)
            if name in _WITH_UPDATE:
                _check_update(kept.get("update", arguments[1] if len(arguments) > 1 else None))
            return await _translated(method(*arguments, **kept))

        return call

    def with_options(self, *_options: Any, **_more: Any) -> MemoryCollection:
        return self

    def find(self, filter: Any = None, projection: Any = None, **options: Any) -> MemoryCursor:
        _check(filter, _QUERY)
        return MemoryCursor(self._collection.find(filter, projection, **_options(options)))

    async def aggregate(self, pipeline: Iterable[Any], **options: Any) -> MemoryCursor:
        stages = list(pipeline)
        for stage in stages:
            _check_stage(stage)
        return MemoryCursor(_translating(self._collection.aggregate, stages, **_options(options)))

    async def list_indexes(self) -> MemoryCursor:
        return MemoryCursor(self._collection.list_indexes())


class MemoryCursor:
    """A cursor over mongomock's, with the methods that the service uses."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)

    def sort(self, keys: Any, direction: int | None = None) -> MemoryCursor:
        self._cursor.sort(list(keys.items()) if isinstance(keys, dict) else keys, direction)
        return self

    def skip(self, count: int) -> MemoryCursor:
        self._cursor.skip(count)
        return self

    def limit(self, count: int) -> MemoryCursor:
        self._cursor.limit(count)
        return self

    def batch_size(self, _count: int) -> MemoryCursor:
        return self

    def max_time_ms(self, _milliseconds: int | None) -> MemoryCursor:
        return self

    def hint(self, _index: Any) -> MemoryCursor:
        return self

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while (document := await self._next()) is not None:
            yield document

    async def to_list(self, length: int | None = None) -> list[dict[str, Any]]:
        documents: list[dict[str, Any]] = []
        while length is None or len(documents) < length:
            document = await self._next()
            if document is None:
                break
            documents.append(document)
        return documents

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> MemoryCursor:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def _next(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = await _translated(self._cursor.next())
        except StopAsyncIteration:
            return None
        return found


def _refuse(what: str) -> NoReturn:
    if what.startswith("__"):  # Python asks objects for these, and expects this answer
        raise AttributeError(what)
    raise NotAvailable(
        f"{what} is not available in memory mode.",
        hint="Use the embedded database (serve without --memory) or a MongoDB.",
    )


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """The options that mongomock understands; those that could change an answer are refused."""
    kept: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or name in _HARMLESS:
            continue
        if name not in _UNDERSTOOD | {"update", "replacement", "document", "documents", "key"}:
            _refuse(f"The option {name}")
        kept[name] = value
    return kept


def _operators(value: Any) -> Iterator[str]:
    """Every key in ``value`` that begins with a dollar sign, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str) and key.startswith("$"):
                yield key
            yield from _operators(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _operators(inner)


def _check(value: Any, allowed: frozenset[str]) -> None:
    for operator in _operators(value):
        if operator not in allowed:
            _refuse(operator)


def _check_update(update: Any) -> None:
    if not isinstance(update, dict):
        _refuse("An update by pipeline")
    _check(update, _UPDATE | _QUERY)


def _check_stage(stage: dict[str, Any]) -> None:
    for name, body in stage.items():
        if name not in _STAGES:
            _refuse(name)
        _check(body, _QUERY if name == "$match" else _EXPRESSIONS)


def _translating(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return method(*arguments, **options)
    except PyMongoError:
        raise
    except (NotImplementedError, TypeError, KeyError) as error:
        raise NotAvailable(f"This is not available in memory mode: {error}.") from error


async def _translated(pending: Awaitable[Any]) -> Any:
    """What the awaited call answers; mongomock's own limits become ``NotAvailable``."""
    try:
        return await pending
    except PyMongoError:
        raise
    except (NotImplementedError, TypeError, KeyError) as error:
        raise NotAvailable(f"This is not available in memory mode: {error}.") from error
