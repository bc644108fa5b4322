"""Storing documents that come from a file, with ids, dates and versions of their own.

A document that a client creates gets all of these from the server; an imported
one keeps what it has, so that an export and an import leave a collection as it
was. Everything else holds as for any write: coercion, validation, computed
fields, counters, search tokens, relations, unique values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bson import Int64, ObjectId

from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadRequest, Invalid
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Document
from duetdb.app.service.reading.source import Source
from duetdb.app.service.system_fields import PARENT_FIELDS, stamp_created
from duetdb.app.service.writing.counters import Counters
from duetdb.app.service.writing.links import Links
from duetdb.app.service.writing.unique import find_taken, taken
from duetdb.app.service.writing.write_errors import REFUSED, refusal
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.fields.instants import read_instant
from duetdb.schema_gen.model import SYSTEM_FIELDS, Collection, IdType, Schema
from duetdb.schema_gen.shape import Rules
from duetdb.schema_gen.values import parse_id
from duetdb.schema_gen.well_formed import check_key, well_formed

Commit = Callable[[Any], Awaitable[None]]
"""What else to write in the transaction of an insert; it gets the session."""

_INSTANTS = frozenset({"_created", "_changed"})
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "_createdby": str,
    "_changedby": str,
    "_version": (int, Int64),
    "_mock": bool,
}
_SPELT: Mapping[str, Callable[[str], Any]] = {
    "_version": lambda text: int(text) if text.isdecimal() and len(text) < 10 else text,
    "_mock": lambda text: text == "true" if text in ("true", "false") else text,
}
_DERIVED = frozenset({"_keywords", "_tags"})


class Intake:
    """Takes documents into one collection, batch by batch.

    ``prepare`` each, ask ``refused`` about a batch of them, then ``insert``.
    """

    def __init__(
        self,
        engine: Engine,
        schema: Schema,
        collection: Collection,
        limits: Limits,
        principal: Principal,
        *,
        validate: bool = True,
    ) -> None:
        self._engine = engine
        self._source = Source(engine, limits)
        self._schema = schema
        self._collection = collection
        self._limits = limits
        self._principal = principal
        self._validate = validate
        self._plan = WritePlan(collection)
        self._rules = Rules(strict=collection.strict, validate=validate, depth=limits.nesting)
        self._counters = Counters(engine)
        self._target = engine.database[collection.name]
        # Rows may come before those that they refer to.
        self._roots = frozenset(
            each.path.split(".")[0]
            for each in collection.relations
            if each.collection != collection.name
        )

    def prepare(self, body: Mapping[str, Any]) -> tuple[Document, list[Invalid]]:
        """The stored form of a document and everything that is wrong with it by itself."""
        try:
            body = self._plan.read_names(body)
        except BadRequest as error:
            return {}, [Invalid("", error.message, "TYPE")]
        stored, problems = self._plan.shape.coerce(body, self._rules)
        invalid = [Invalid(path, sentence, code) for path, code, sentence in problems]
        document: Document = {"_id": None} if "_id" in body else {}
        for name, value in body.items():
            if name in stored:
                document[name] = stored[name]
            elif name in _DERIVED:
                if self._plan.tokenizer:
                    document[name] = None  # made anew, in its place
            elif name.startswith("_") and value is not None:
                try:
                    document[name] = self._own(name, value)
                except Mismatch as error:
                    invalid.append(Invalid(name, str(error), "TYPE"))
        return {**document, **stored}, invalid

    async def refused(self, documents: Sequence[Document]) -> dict[int, list[Invalid]]:
        """By position, what the rest of the database says against prepared documents.

        That is ids and unique values that are taken, by stored documents or
        earlier ones of the batch, and relations that lead nowhere. Parents are
        looked up too, and their ids put into stored form.
        """
        links = Links(self._source, self._schema)
        for index, document in enumerate(documents):
            if not document.keys().isdisjoint(PARENT_FIELDS):
                links.parent(self._collection, document, index)
            if self._validate:
                links.references(self._collection, document, index, self._roots)
                links.media(self._collection, document, index)
        with translate_driver_errors():
            found = [*await links.check(), *await self._taken_ids(documents)]
            if self._plan.unique:
                # Without ids: a document of the same id is a clash as well.
                bare = [{k: v for k, v in each.items() if k != "_id"} for each in documents]
                found += await find_taken(self._engine, self._collection, bare, indexed=True)
        refused: dict[int, list[Invalid]] = {}
        for each in found:
            refused.setdefault(each.index or 0, []).append(each)
        return refused

    async def insert(
        self, batches: Sequence[Sequence[Document]], commit: Commit | None = None
    ) -> None:
        """Inserts all batches and what ``commit`` writes, or nothing.

        Raises ``ValidationFailed`` for what only the database could tell, its
        ``index`` counted over all batches.
        """
        for batch in batches:
            await self._complete(batch)
        position = 0
        bypass = None if self._validate else True

        async def work(session: Any) -> None:
            nonlocal position
            position = 0
            for batch in batches:
                await self._target.insert_many(
                    batch, session=session, bypass_document_validation=bypass
                )
                position += len(batch)
            if commit is not None:
                await commit(session)

        try:
            with translate_driver_errors():
                if self._engine.in_memory:
                    await self._insert_in_memory(batches)
                else:
                    await self._engine.transaction(work)
        except REFUSED as error:
            raise refusal(error, offset=position) or error from None

    async def remove(self, ids: Sequence[Any], session: Any = None) -> None:
        """Takes back documents that an import stored."""
        with translate_driver_errors():
            await self._target.delete_many({"_id": {"$in": list(ids)}}, session=session)

    def _own(self, name: str, value: Any) -> Any:
        """The stored form of a field that begins with ``_``; raises ``Mismatch``."""
        if name == "_id":
            found = parse_id(self._collection, value)
            if found is None:
                kind = self._collection.id_type
                raise Mismatch(f"{value!r} is not an id of the type {kind}.")
            return found
        if name in _INSTANTS:
            return read_instant(value, "Must be a date.")
        if isinstance(value, str):
            value = _SPELT.get(name, str)(value)  # a CSV cell
        if name in _TYPES and (
            not isinstance(value, _TYPES[name]) or isinstance(value, bool) != (name == "_mock")
        ):
            raise Mismatch("Is a system field, and not of its type.")
        if name not in SYSTEM_FIELDS:
            check_key(name)
            well_formed(value, self._limits.nesting - 1)
        return value

    async def _taken_ids(self, documents: Sequence[Document]) -> list[Invalid]:
        given = {i: each["_id"] for i, each in enumerate(documents) if "_id" in each}
        if not given:
            return []
        cursor = self._target.find({"_id": {"$in": list(given.values())}}, {"_id": 1})
        seen = {document["_id"] async for document in cursor}
        found = []
        for index, id_ in given.items():
            if id_ in seen:
                found.append(taken("_id", index))
            seen.add(id_)
        return found

    async def _complete(self, documents: Sequence[Document]) -> None:
        """Assigns what the documents lack; doing it again changes nothing."""
        await self._identify([each for each in documents if "_id" not in each])
        for field in self._plan.counted:
            await self._counters.assign(self._collection.name, field.path, documents)
        instant = now()
        for document in documents:
            self._plan.compute(document)
            self._plan.tokenizer.apply(document)
            given = {name: document[name] for name in SYSTEM_FIELDS if name in document}
            stamp_created(document, self._principal, given.get("_created", instant))
            document.update(given)

    async def _identify(self, documents: Sequence[Document]) -> None:
        kind = self._collection.id_type
        if kind is IdType.NUMBER and documents:
            first = await self._counters.reserve(self._collection.name, "_id", len(documents))
            for position, document in enumerate(documents):
                document["_id"] = first + position
            return
        for document in documents:
            document["_id"] = str(ObjectId()) if kind is IdType.STRING else ObjectId()

    async def _insert_in_memory(self, batches: Sequence[Sequence[Document]]) -> None:
        """Without transactions what was inserted before a failure is taken out again."""
        inserted: list[Any] = []
        try:
            for batch in batches:
                inserted += [document["_id"] for document in batch]
                await self._target.insert_many(batch)
        except BaseException:
            await self.remove(inserted)
            raise
