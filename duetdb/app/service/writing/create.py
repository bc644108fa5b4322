"""Inserting documents: all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession

from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.errors import (
    BadRequest,
    Conflict,
    Invalid,
    LimitExceeded,
    ValidationFailed,
)
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Create, Document
from duetdb.app.service.system_fields import PARENT_FIELDS, stamp_created
from duetdb.app.service.writing.counters import Counters
from duetdb.app.service.writing.guard import Guard
from duetdb.app.service.writing.links import Links, require_parent
from duetdb.app.service.writing.remit import remit_of
from duetdb.app.service.writing.site import Site
from duetdb.app.service.writing.unique import find_taken
from duetdb.app.service.writing.write_errors import REFUSED, is_duplicate, is_duplicate_id, refusal
from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.shape import Rules

BATCH = 1000
"""Documents sent to the database at once."""

BREATH = 100
"""Documents prepared before other requests get their turn."""


class Creation:
    """One ``Create``: prepare every document, report everything that is wrong, insert.

    Nothing is written, and no number is taken from a counter, before every
    document has been found valid; what only the database can refuse (UNIQUE)
    rolls the array's transaction back.
    """

    def __init__(self, site: Site, create: Create, guard: Guard) -> None:
        self._site = site
        self._engine = site.engine
        self._limits = site.limits
        self._plan = site.plan
        self._create = create
        self._guard = guard
        self._counters = Counters(site.engine)
        self._target = site.documents
        self._sent = 0
        self._array = create.array or len(create.documents) > 1

    async def run(self, principal: Principal) -> list[Document]:
        """The stored documents, in order; errors are those of ``Writer.create``."""
        if len(self._create.documents) > self._limits.bulk_documents:
            raise LimitExceeded(
                f"One request inserts at most {self._limits.bulk_documents:,} documents.",
                hint="Send the documents in several requests.",
            )
        if not self._create.documents:
            return []
        documents = await self._prepare()
        await self._number(documents)
        instant = now()
        for position, document in enumerate(documents):
            if position % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            self._plan.compute(document)
            self._plan.tokenizer.apply(document)
            stamp_created(document, principal, instant)
        await self._guard.check(documents)
        await self._insert(documents)
        return documents

    async def _prepare(self) -> list[Document]:
        """The documents in stored form, without what is assigned last."""
        create = self._create
        links = Links(self._site.source, self._site.schema, create.reaches)
        remit = remit_of(create.collection)
        linked = await self._linked()
        invalid: list[Invalid] = []
        documents: list[Document] = []
        for position, body in enumerate(create.documents):
            if position % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            index = position if self._array else None
            document = self._stored(body, index, invalid)
            if linked is not None:
                document.update(linked)
            else:
                if remit is not None:
                    remit.check_link({}, document)
                links.parent(self._plan.collection, document, index)
            if create.validate:
                links.references(self._plan.collection, document, index)
                links.media(self._plan.collection, document, index)
            documents.append(document)
        invalid += await links.check()
        if invalid:
            raise ValidationFailed(await self._with_taken(invalid, documents))
        return documents

    def _stored(
        self, body: Mapping[str, Any], index: int | None, invalid: list[Invalid]
    ) -> Document:
        if not isinstance(body, Mapping):
            raise BadRequest("A document must be an object.", hint='Send {"name": value, ...}.')
        body = self._plan.read_names(body)
        rules = Rules(
            strict=self._plan.collection.strict,
            validate=self._create.validate,
            depth=self._limits.nesting,
        )
        stored, problems = self._plan.shape.coerce(body, rules)
        for path, code, sentence in problems:
            invalid.append(Invalid(path, sentence, code, index))
        document: Document = {"_id": None, **stored}
        for name in PARENT_FIELDS:
            if name in body:
                document[name] = body[name]
        return document

    async def _linked(self) -> Document | None:
        """The ``_parent_*`` fields of documents that are made under a parent's URL."""
        parent = self._create.parent
        if parent is None:
            return None
        id_ = await require_parent(self._site.source, parent, self._plan.collection)
        return dict(
            zip(PARENT_FIELDS, (id_, parent.collection.name, parent.field.name), strict=True)
        )

    async def _number(self, documents: Sequence[Document]) -> None:
        """Assigns ids, and auto-increment values where the client gave none."""
        await self._identify(documents)
        for field in self._plan.counted:
            await self._counters.assign(self._plan.collection.name, field.path, documents)

    async def _identify(self, documents: Sequence[Document]) -> None:
        kind = self._plan.collection.id_type
        if kind is IdType.NUMBER:
            name = self._plan.collection.name
            first = await self._counters.reserve(name, "_id", len(documents))
            for position, document in enumerate(documents):
                document["_id"] = first + position
            return
        for document in documents:
            id_ = ObjectId()
            document["_id"] = str(id_) if kind is IdType.STRING else id_

    async def _insert(self, documents: list[Document]) -> None:
        try:
            await self._insert_once(documents)
        except REFUSED as error:
            if not is_duplicate_id(error):
                raise await self._refusal(error, documents) from None
            # Somebody beside us took ids that the counter did not know of.
            await self._counters.catch_up(self._plan.collection.name, "_id")
            await self._identify(documents)
            try:
                await self._insert_once(documents)
            except REFUSED as again:
                raise await self._refusal(again, documents) from None

    async def _insert_once(self, documents: list[Document]) -> None:
        bypass = None if self._create.validate else True
        if self._engine.in_memory:
            await self._refuse_taken(documents)
            await self._target.insert_many(documents)
        elif len(documents) == 1:
            await self._target.insert_one(documents[0], bypass_document_validation=bypass)
        else:
            async with self._engine.client.start_session() as session:
                await session.with_transaction(self._insert_all(documents, bypass))

    def _insert_all(self, documents: list[Document], bypass: bool | None) -> Any:
        async def insert(session: AsyncClientSession) -> None:
            for start in range(0, len(documents), BATCH):
                self._sent = start
                await self._target.insert_many(
                    documents[start : start + BATCH],
                    session=session,
                    bypass_document_validation=bypass,
                )

        return insert

    async def _refusal(self, error: Exception, documents: list[Document]) -> Exception:
        """The error to raise in place of the driver's, with every clash of an array in it."""
        if is_duplicate_id(error):
            return Conflict("Another writer takes ids at the same time.", hint="Try again.")
        if is_duplicate(error) and self._array:
            taken = await self._taken(documents)
            if taken:
                return ValidationFailed(taken)
        return refusal(error, offset=self._sent if self._array else None) or error

    async def _refuse_taken(self, documents: list[Document]) -> None:
        taken = await self._taken(documents)
        if taken:
            raise ValidationFailed(taken)

    async def _with_taken(self, invalid: list[Invalid], documents: list[Document]) -> list[Invalid]:
        """What is wrong, and also what is taken: a form shows all of it at once."""
        found = invalid + await self._taken(documents)
        return sorted(found, key=lambda each: each.index or 0) if self._array else found

    async def _taken(self, documents: list[Document]) -> list[Invalid]:
        if not self._plan.unique:
            return []
        with translate_driver_errors():
            return await find_taken(
                self._engine, self._plan.collection, documents, indexed=self._array
            )
