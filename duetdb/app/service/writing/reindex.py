"""Gives documents that were written beside the server what a write by it would have left there.

That is ``_keywords`` and ``_tags``, the words that the text filter looks for,
and ``_version``, which is 0 for a document that never had one: exactly what such
a document counts as already, so an ETag that a client holds stays true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from bson import CodecOptions, decode_all
from bson.codec_options import DatetimeConversion
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.query import Document
from duetdb.app.service.schema.metadata_store import SCHEMA
from duetdb.app.service.system_fields import version_of
from duetdb.app.service.writing.counters import Counters
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.model import Collection, IdType

BATCH: Final = 1000
"""Documents read at once; MongoDB sends 16 MB of them at most."""
ROUNDS: Final = 20
"""How often a document is read again that others change at the same time."""
SHOWN: Final = 20

_OURS: Final = ("_version", "_keywords", "_tags")
_UNAUTHORIZED: Final = 13
_CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


@dataclass(slots=True)
class Outcome:
    """What was done in this run; ``refusals`` are sentences about some of the refused documents."""

    looked_at: int = 0
    changed: int = 0
    refused: int = 0
    refusals: list[str] = field(default_factory=list)

    def refuse(self, id_: Any, reason: str) -> None:
        self.refused += 1
        if len(self.refusals) < SHOWN:
            self.refusals.append(f"{id_!r:.100}: {reason}")


class Reindex:
    """One run over one collection, beside any number of writers.

    A document is changed only while it still holds what its tokens were made
    from, and nothing but system fields of it is written, so no write is lost
    and no token outdated. What was cut off goes on where it stopped when it is
    run again with the same metadata.
    """

    def __init__(self, engine: Engine, collection: Collection) -> None:
        self._engine = engine
        self._collection = collection
        self._documents: Any = engine.database[collection.name]
        self._notes: Any = engine.database[SCHEMA]
        self._note = {"_id": f"reindex:{collection.name}"}
        self._plan = WritePlan(collection)
        former = {path.split(".")[0] for path in collection.former.values()}
        self._sources = ("_version", *sorted(self._plan.tokenizer.roots | former))
        self._projection = dict.fromkeys((*self._sources, *_OURS), 1)
        self._bypass = True

    async def total(self) -> int:
        """About how many documents there are."""
        with translate_driver_errors():
            return int(await self._documents.estimated_document_count())

    async def run(self, progress: Callable[[int], None]) -> Outcome:
        """Looks at every document; ``progress`` is told how many were, earlier runs included."""
        outcome = Outcome()
        with translate_driver_errors():
            begun = await self._notes.find_one(
                {**self._note, "fingerprint": self._collection.fingerprint}
            )
            before = begun["documents"] if begun else 0
            async for batch in self._batches(begun):
                documents = decode_all(batch, _CODEC)
                await self._bring_up(documents, outcome)
                outcome.looked_at += len(documents)
                await self._remember(documents[-1]["_id"], before + outcome.looked_at)
                progress(before + outcome.looked_at)
            await self._raise_counters()
            await self._notes.delete_one(self._note)
        return outcome

    def _batches(self, begun: Document | None) -> Any:
        """BSON of the documents in the order of their ids, whatever types those have."""
        cursor = self._documents.find_raw_batches({}, self._projection, batch_size=BATCH)
        cursor = cursor.sort("_id", 1).hint([("_id", 1)])
        # By a bound of the index: a comparison would find ids of the same type only.
        return cursor.min([("_id", begun["after"])]) if begun else cursor

    async def _remember(self, after: Any, documents: int) -> None:
        values = {"fingerprint": self._collection.fingerprint, "after": after}
        await self._notes.update_one(
            self._note, {"$set": {**values, "documents": documents}}, upsert=True
        )

    async def _bring_up(self, documents: list[Document], outcome: Outcome) -> None:
        """Changes those that need it, reading again what others have changed meanwhile."""
        ids: list[Any] = []
        for _ in range(ROUNDS):
            wanting = [(each["_id"], update) for each in documents if (update := self._of(each))]
            if not wanting:
                return
            changed, refused = await self._store([update for _, update in wanting])
            outcome.changed += changed
            for index, reason in refused.items():
                outcome.refuse(wanting[index][0], reason)
            ids = [id_ for index, (id_, _) in enumerate(wanting) if index not in refused]
            if changed == len(ids):
                return
            found = self._documents.find({"_id": {"$in": ids}}, self._projection)
            documents = await found.to_list(None)
        for id_ in ids:
            outcome.refuse(id_, "Others change it all the time.")

    def _of(self, document: Document) -> UpdateOne | None:
        """The update that the document needs; None when it is as it should be."""
        wanted: Document = {"_version": version_of(document)}
        if self._plan.tokenizer:
            # Names are put right in place, inside of objects too.
            named = deepcopy(document) if self._collection.former else document
            tokens = self._plan.tokenizer.of(self._plan.as_named(named))
            wanted |= {"_keywords": tokens, "_tags": " ".join(tokens)}
        put = {
            name: value
            for name, value in wanted.items()
            if document.get(name) != value or type(document[name]) is not type(value)
        }
        gone = {name: "" for name in _OURS if name in document and name not in wanted}
        if not put and not gone:
            return None
        update = {**({"$set": put} if put else {}), **({"$unset": gone} if gone else {})}
        return UpdateOne({"_id": document["_id"], **_unchanged(document, self._sources)}, update)

    async def _store(self, updates: list[UpdateOne]) -> tuple[int, dict[int, str]]:
        """How many documents were changed, and by position why MongoDB refused others."""
        try:
            result = await self._write(updates)
        except BulkWriteError as error:
            details: Mapping[str, Any] = error.details or {}
            refused = {each["index"]: f"{each['errmsg']:.200}" for each in details["writeErrors"]}
            return details["nMatched"], refused
        return result.matched_count, {}

    async def _write(self, updates: list[UpdateOne]) -> Any:
        """A validator that somebody else made must not stand in the way, if we may pass it."""
        options = {"bypass_document_validation": True} if self._bypass else {}
        try:
            return await self._documents.bulk_write(updates, ordered=False, **options)
        except OperationFailure as error:
            if not self._bypass or error.code != _UNAUTHORIZED:
                raise
            self._bypass = False
            return await self._write(updates)

    async def _raise_counters(self) -> None:
        """Numbers that documents hold already must not be given out again."""
        counters = Counters(self._engine)
        paths = [each.path for each in self._plan.counted]
        if self._collection.id_type is IdType.NUMBER:
            paths.append("_id")
        for path in paths:
            await counters.catch_up(self._collection.name, path)


def _unchanged(document: Document, names: Iterable[str]) -> dict[str, Any]:
    """The condition that these fields are what they were, null and absent told apart."""
    same = [
        {"$eq": [f"${name}", {"$literal": document[name]}]}
        if name in document
        else {"$eq": [{"$type": f"${name}"}, "missing"]}
        for name in names
    ]
    return {"$expr": {"$and": same}}
