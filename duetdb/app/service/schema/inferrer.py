"""Proposes metadata for collections that hold documents already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from bson import CodecOptions, decode
from bson.codec_options import DatetimeConversion
from bson.raw_bson import RawBSONDocument

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound
from duetdb.app.service.schema.metadata_store import Definition
from duetdb.app.service.schema.validators import Existing, Validators
from duetdb.schema_gen.inference import SAMPLE_SIZE, Proposal, candidate_ids, infer
from duetdb.schema_gen.inference_relations import Sample
from duetdb.schema_gen.name_rules import collection_name_mistake
from duetdb.schema_gen.suggest import did_you_mean

_log = structlog.get_logger(__name__)

_SAMPLE_BYTES: Final = 32 * 1024 * 1024
_OTHER_DOCUMENTS: Final = 100
_OTHER_BYTES: Final = 1024 * 1024
_KINDS: Final = ("collection", "view", "timeseries")
_RAW: Final[CodecOptions[RawBSONDocument]] = CodecOptions(document_class=RawBSONDocument)
_PLAIN: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


class Inferrer:
    """Samples collections, bounded in documents and bytes, and asks ``schema_gen.inference``."""

    def __init__(self, engine: Engine, validators: Validators, sample_ms: int) -> None:
        self._database = engine.database
        self._in_memory = engine.in_memory
        self._validators = validators
        self._sample_ms = sample_ms

    async def collections(self) -> dict[str, Existing]:
        """The collections that metadata can describe: the server's own and GridFS are not."""
        found = await self._validators.existing()
        ours = {
            name: each
            for name, each in found.items()
            if each.kind in _KINDS and not name.startswith(("_", "system.")) and not _is_grid(name)
        }
        mistakes = {name: mistake for name in ours if (mistake := collection_name_mistake(name))}
        for name, mistake in mistakes.items():
            _log.warning("collection_not_described", collection=name, reason=mistake)
        return {name: each for name, each in ours.items() if name not in mistakes}

    async def propose(self, name: str) -> Proposal:
        """The proposal for one collection; raises ``NotFound`` when it is not in the database."""
        existing = await self.collections()
        if name not in existing:
            near = did_you_mean(name, existing)
            raise NotFound(f"The database holds no collection {name!r}.{near}")
        others = await self._glimpse(each for each in _stored(existing) if each != name)
        return await self._propose(name, existing[name], others)

    async def propose_all(self, names: Iterable[str]) -> dict[str, Proposal]:
        """Proposals for several collections, sampled once as each other's relation targets."""
        existing = await self.collections()
        others = await self._glimpse(_stored(existing))
        return {
            name: await self._propose(name, existing[name], others)
            for name in names
            if name in existing
        }

    async def propose_for(self, name: str, documents: list[dict[str, Any]]) -> Proposal:
        """The proposal for a collection that these documents are about to make."""
        candidates = await asyncio.to_thread(candidate_ids, documents)
        glimpses = await self._glimpse(_stored(await self.collections()))
        others = {
            other: Sample(glimpse.documents, await self._known(other, glimpse, candidates))
            for other, glimpse in glimpses.items()
            if other != name
        }
        return await asyncio.to_thread(infer, name, documents, None, others)

    async def _propose(
        self, name: str, existing: Existing, glimpses: Mapping[str, Sample]
    ) -> Proposal:
        documents = await self._sample(name, SAMPLE_SIZE, _SAMPLE_BYTES)
        candidates = await asyncio.to_thread(candidate_ids, documents)
        others = {
            other: Sample(glimpse.documents, await self._known(other, glimpse, candidates))
            for other, glimpse in glimpses.items()
            if other != name
        }
        others[name] = Sample(documents, await self._known(name, Sample(documents), candidates))
        return await asyncio.to_thread(infer, name, documents, existing.validator, others)

    async def _glimpse(self, names: Iterable[str]) -> dict[str, Sample]:
        return {
            name: Sample(await self._sample(name, _OTHER_DOCUMENTS, _OTHER_BYTES)) for name in names
        }

    async def _known(self, name: str, sample: Sample, candidates: frozenset[Any]) -> frozenset[Any]:
        """Which of the candidates are ids of that collection, if they are of its ids' types."""
        types = tuple({type(document.get("_id")) for document in sample.documents})
        asked = [each for each in candidates if types and isinstance(each, types)]
        if not asked:
            return frozenset()
        cursor = self._database[name].find({"_id": {"$in": asked}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def _sample(self, name: str, count: int, most_bytes: int) -> list[dict[str, Any]]:
        """Some documents: all of a small collection, random ones of a large one."""
        collection = self._database[name]
        if self._in_memory:
            found: list[dict[str, Any]] = await collection.find({}).limit(count).to_list(None)
            return found
        total = await collection.estimated_document_count() if await self._counts(name) else 0
        sampling: list[dict[str, Any]] = (
            [{"$sample": {"size": count}}] if total > count else [{"$limit": count}]
        )
        cursor = await collection.with_options(codec_options=_RAW).aggregate(
            sampling, batchSize=min(count, 100), maxTimeMS=self._sample_ms, allowDiskUse=True
        )
        raw: list[bytes] = []
        size = 0
        async with cursor:
            async for document in cursor:
                raw.append(document.raw)
                size += len(document.raw)
                if size > most_bytes:
                    break
        return await asyncio.to_thread(_decoded, raw)

    async def _counts(self, name: str) -> bool:
        """Whether the number of documents is known without looking at them: not of a view."""
        existing = (await self._validators.existing(name)).get(name)
        return existing is not None and existing.kind == "collection"


def merged(definition: Definition, found: Definition) -> Definition:
    """What is declared already, followed by the found fields that it does not name."""
    declared = {field["name"] for field in definition["fields"]}
    renamed = {field.get("renamedFrom") for field in definition["fields"]}
    added = [each for each in found["fields"] if each["name"] not in declared | renamed]
    return {**definition, "fields": [*definition["fields"], *added]}


def _decoded(raw: Iterable[bytes]) -> list[dict[str, Any]]:
    return [decode(each, _PLAIN) for each in raw]


def _is_grid(name: str) -> bool:
    return name.endswith((".files", ".chunks"))


def _stored(existing: Mapping[str, Existing]) -> list[str]:
    """Those that may be referred to: a view shows documents of another collection."""
    return [name for name, each in existing.items() if each.kind == "collection"]
