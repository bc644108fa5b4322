"""The in-memory engine: mongomock-motor in the shape of PyMongo's asynchronous driver.

Mongomock stores and updates. What is found, and in which order, is decided here, because it
finds too much or too little where values are of several types or in lists. It is asked only
what is on the lists of this file; everything else is ``NotAvailable``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, NoReturn

from bson import ObjectId
from mongomock_motor import AsyncMongoMockClient
from pymongo.errors import ExecutionTimeout, PyMongoError

from duetdb.app.mongo.memory_matching import TIME_EXPIRED, check, matches, refuse
from duetdb.app.mongo.memory_pipeline import run_pipeline
from duetdb.app.mongo.memory_projection import projected
from duetdb.app.mongo.memory_values import in_order
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable

Document = dict[str, Any]
Order = Sequence[tuple[str, int]]

_UPDATE = frozenset(
    "$set $unset $inc $min $max $push $each $pull $pullAll $addToSet $pop $rename "
    "$setOnInsert".split()
)
# Options that change how fast an answer comes, not what it is.
_HARMLESS = frozenset(
    "batch_size batchSize max_time_ms maxTimeMS allowDiskUse allow_disk_use comment hint".split()
)
_UNDERSTOOD = frozenset("upsert return_document ordered name unique background".split())
_BY_FILTER = frozenset(
    "delete_one delete_many replace_one update_one update_many find_one_and_delete "
    "find_one_and_replace find_one_and_update".split()
)
_UPDATING = frozenset("update_one update_many find_one_and_update".split())
_PLAIN = frozenset(
    "insert_one insert_many create_index drop_index drop_indexes index_information "
    "estimated_document_count drop".split()
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
        if name not in _BY_FILTER | _PLAIN:
            _refuse(name)
        method = getattr(self._collection, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            kept = _options(options)
            if name in _UPDATING:
                _check_update(arguments[1])
            if name in _BY_FILTER:
                chosen = await self._chosen(arguments[0], kept, many=name.endswith("_many"))
                arguments = (chosen, *arguments[1:])
            return await _translated(method(*arguments, **kept))

        return call

    def with_options(self, *_options: Any, **_more: Any) -> MemoryCollection:
        return self

    def find(
        self,
        filter: Mapping[str, Any] | None = None,
        projection: Mapping[str, int] | None = None,
        skip: int = 0,
        limit: int = 0,
        sort: Order | None = None,
        **options: Any,
    ) -> MemoryCursor:
        check(filter)
        _options(options)
        milliseconds = options.get("max_time_ms") or options.get("maxTimeMS")
        cursor = MemoryCursor(lambda: self._matching(filter, milliseconds), projection)
        return cursor.sort(sort or ()).skip(skip).limit(limit)

    async def find_one(
        self, filter: Any = None, projection: Any = None, **options: Any
    ) -> Document | None:
        found = await self.find(filter, projection, limit=1, **options).to_list(1)
        return found[0] if found else None

    async def count_documents(self, filter: Mapping[str, Any], **options: Any) -> int:
        return len(await self.find(filter, **options).to_list())

    async def aggregate(self, pipeline: Iterable[Any], **options: Any) -> MemoryCursor:
        _options(options)
        stages = list(pipeline)
        found = run_pipeline(await self._matching(None), stages)
        return MemoryCursor(lambda: _ready(found))

    async def list_indexes(self) -> MemoryCursor:
        indexes = await self._collection.list_indexes().to_list(None)
        return MemoryCursor(lambda: _ready(indexes))

    async def _matching(
        self, condition: Mapping[str, Any] | None, milliseconds: int | None = None
    ) -> list[Document]:
        """Copies of the matching documents; by id not all of them are copied.

        Raises ``ExecutionTimeout`` when looking at them takes longer than it may.
        """
        id_ = (condition or {}).get("_id")
        where = {"_id": id_} if isinstance(id_, ObjectId | str | int) else {}
        stored = await _translated(self._collection.find(where).to_list(None))
        ends = monotonic() + milliseconds / 1000 if milliseconds else inf
        found = []
        for each in stored:
            if monotonic() > ends:
                raise ExecutionTimeout("The query takes too long.", TIME_EXPIRED)
            if matches(condition, each):
                found.append(each)
        return found

    async def _chosen(self, condition: Any, options: Mapping[str, Any], many: bool) -> Any:
        """A filter in mongomock's words for the documents to be written to."""
        check(condition)
        ids = [each["_id"] for each in await self._matching(condition)]
        if many:
            return {"_id": {"$in": ids}}
        if not ids and options.get("upsert"):
            return condition  # it says what the new document begins with
        return {"_id": ids[0]} if ids else {"_id": {"$in": []}}


class MemoryCursor:
    """What a find or an aggregate gives, with the methods that the service uses."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[list[Document]]],
        projection: Mapping[str, int] | None = None,
    ) -> None:
        self._fetch = fetch
        self._projection = projection
        self._order: Order = ()
        self._skip = self._limit = 0
        self._found: list[Document] | None = None

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)

    def sort(self, keys: Any, direction: int = 1) -> MemoryCursor:
        if isinstance(keys, str):
            keys = [(keys, direction)]
        self._order = list(keys.items()) if isinstance(keys, dict) else list(keys)
        return self

    def skip(self, count: int) -> MemoryCursor:
        self._skip = count
        return self

    def limit(self, count: int) -> MemoryCursor:
        self._limit = count
        return self

    def batch_size(self, _count: int) -> MemoryCursor:
        return self

    def max_time_ms(self, _milliseconds: int | None) -> MemoryCursor:
        return self

    def hint(self, _index: Any) -> MemoryCursor:
        return self

    async def __aiter__(self) -> AsyncIterator[Document]:
        while batch := await self.to_list(1):
            yield batch[0]

    async def to_list(self, length: int | None = None) -> list[Document]:
        if self._found is None:
            found = in_order(await self._fetch(), self._order)
            end = self._skip + self._limit if self._limit else None
            self._found = [projected(each, self._projection) for each in found[self._skip : end]]
        taken, self._found = self._found[:length], self._found[len(self._found[:length]) :]
        return taken

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> MemoryCursor:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def _refuse(what: str) -> NoReturn:
    if what.startswith("__"):  # Python asks objects for these, and expects this answer
        raise AttributeError(what)
    refuse(what)


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """The options that mongomock understands; those that could change an answer are refused."""
    kept: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or name in _HARMLESS:
            continue
        if name not in _UNDERSTOOD:
            _refuse(f"The option {name}")
        kept[name] = value
    return kept


def _check_update(update: Any) -> None:
    if not isinstance(update, dict):
        _refuse("An update by pipeline")
    for operator, operands in update.items():
        if operator not in _UPDATE:
            _refuse(operator)
        for operand in operands.values():
            for inner in operand if isinstance(operand, dict) else ():
                if inner.startswith("$") and inner not in _UPDATE:
                    _refuse(inner)


async def _ready(documents: list[Document]) -> list[Document]:
    return documents


async def _translated(pending: Awaitable[Any]) -> Any:
    """What the awaited call answers; mongomock's own limits become ``NotAvailable``."""
    try:
        return await pending
    except PyMongoError:
        raise
    except (NotImplementedError, TypeError, KeyError) as error:
        raise NotAvailable(f"This is not available in memory mode: {error}.") from error
