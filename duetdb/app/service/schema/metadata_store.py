"""Metadata as MongoDB documents: reading all of it, and committing a change of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from bson import CodecOptions, decode, encode
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from pymongo import ReadPreference
from pymongo.errors import OperationFailure

from duetdb.app.service.engine import Engine

METADATA: Final = "_collections"
SCHEMA: Final = "_schema"
VERSION: Final = "version"

Definition: TypeAlias = dict[str, Any]
"""A collection's metadata as ``GET /rest/<collection>/_meta`` returns it."""

_NAMESPACE_EXISTS: Final = 48
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


class Stale(Exception):
    """Somebody else committed metadata since the snapshot was taken: look again and retry."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One metadata document: ``raw`` is what it was decoded from."""

    id: Any
    raw: bytes
    definition: Definition


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All metadata as of one moment.

    An unchanged document is the identical ``Stored`` in the next snapshot, so
    what changed is found by identity. ``problems`` are sentences about documents
    that name no collection, or one that another document already names.
    """

    version: int = 0
    stored: Mapping[str, Stored] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def definitions(self) -> dict[str, Definition]:
        return {name: each.definition for name, each in self.stored.items()}

    def same_content(self, other: Snapshot) -> bool:
        return (
            self.problems == other.problems
            and self.stored.keys() == other.stored.keys()
            and all(self.stored[name] is other.stored[name] for name in self.stored)
        )


class MetadataStore:
    """The collections ``_collections`` and ``_schema`` of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._metadata = self._primary(METADATA)
        self._schema = self._primary(SCHEMA)

    async def prepare(self) -> None:
        """Makes what a commit needs; safe to run in any number of processes at once."""
        existing = await self._engine.database.list_collection_names()
        for name in (METADATA, SCHEMA):
            if name not in existing:
                await self._create(name)
        await self._schema.update_one({"_id": VERSION}, {"$setOnInsert": {"n": 0}}, upsert=True)

    async def version(self) -> int:
        """The number of the newest commit; 0 when there was none."""
        found = await self._schema.find_one({"_id": VERSION})
        number = found.get("n") if found else 0
        return number if isinstance(number, int) else 0

    async def load(self, previous: Snapshot) -> Snapshot:
        """All metadata, at least as new as the version that it carries."""
        version = await self.version()
        raw = [document async for document in self._raw_documents()]
        return await asyncio.to_thread(_decode_all, raw, version, previous)

    async def commit(
        self, base: Snapshot, put: Mapping[str, Definition], remove: Collection[str] = ()
    ) -> int:
        """Stores and removes definitions in one transaction; the answer is the new version.

        Raises ``Stale``, with nothing changed, when ``base`` is not the newest any more.
        """
        ids = [base.stored[name].id for name in (*put, *remove) if name in base.stored]
        documents = [
            {**definition, "_id": base.stored[name].id if name in base.stored else name}
            for name, definition in put.items()
        ]

        async def change(session: Any) -> None:
            bumped = await self._schema.update_one(
                {"_id": VERSION, "n": base.version},
                {"$set": {"n": base.version + 1}},
                session=session,
            )
            if not bumped.matched_count:
                raise Stale
            if ids:
                await self._metadata.delete_many({"_id": {"$in": ids}}, session=session)
            if documents:
                await self._metadata.insert_many(documents, session=session)

        await self._engine.transaction(change)
        return base.version + 1

    async def name_once(self, stored: Stored, graphql_name: str) -> None:
        """Stores the GraphQL name that a definition written by hand lacks; the first one wins."""
        await self._metadata.update_one(
            {"_id": stored.id, "graphqlName": {"$exists": False}},
            {"$set": {"graphqlName": graphql_name}},
        )

    async def _raw_documents(self) -> Any:
        """BSON of each document, in the order of their ids, not decoded on the event loop."""
        if self._engine.in_memory:
            for document in await self._metadata.find({}).sort("_id", 1).to_list(None):
                yield encode(document)
            return
        async for batch in self._metadata.find_raw_batches({}).sort("_id", 1):
            for document in _split(batch):
                yield document

    async def _create(self, name: str) -> None:
        if self._engine.in_memory:
            await self._engine.database.create_collection(name)
            return
        try:
            await self._engine.database.create_collection(name, check_exists=False)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise

    def _primary(self, name: str) -> Any:
        collection = self._engine.database[name]
        if self._engine.in_memory:
            return collection
        # A secondary may lag behind the change that we were just told of.
        return collection.with_options(read_preference=ReadPreference.PRIMARY)


def _split(batch: bytes) -> Iterator[bytes]:
    """The documents of a raw batch: each begins with its own length."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        yield batch[start:end]
        start = end


def _decode_all(raw: list[bytes], version: int, previous: Snapshot) -> Snapshot:
    known = {each.raw: each for each in previous.stored.values()}
    found: dict[str, Stored] = {}
    problems: list[str] = []
    for document in raw:
        stored = known.get(document) or _decode_one(document)
        name = None if stored is None else stored.definition.get("name")
        if stored is None or not isinstance(name, str):
            told = "" if stored is None else f" {str(stored.id)[:100]!r}"
            problems.append(f"The document{told} in {METADATA} names no collection.")
            continue
        rival = found.get(name)
        if rival is not None:
            # The document whose id is the name wins over one that only carries the name.
            stored, loser = (stored, rival) if stored.id == name else (rival, stored)
            told = str(loser.id)[:100]
            problems.append(f"The document {told!r} in {METADATA} repeats {name!r}.")
        found[name] = stored
    return Snapshot(version, found, tuple(problems))


def _decode_one(raw: bytes) -> Stored | None:
    try:
        document = decode(raw, _CODEC)
    except (BSONError, OverflowError, ValueError):
        return None
    key = document.pop("_id", None)
    document.setdefault("name", key)
    return Stored(key, raw, document)
