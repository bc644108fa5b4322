"""The shared service layer as the interfaces see it: authorise, then read or write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from duetdb.app.service import timing
from duetdb.app.service.access.authoriser import Authoriser, address_of
from duetdb.app.service.access.permissions import ANY_ID, Address
from duetdb.app.service.audit import notes
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable
from duetdb.app.service.events import Events
from duetdb.app.service.grouping import Aggregate, Distinct, Group
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal, require_full
from duetdb.app.service.query import (
    Create,
    Delete,
    Document,
    Outcome,
    Query,
    Update,
    UpdateMany,
)
from duetdb.app.service.reading.aggregate import Aggregator, Keyed
from duetdb.app.service.reading.concealing import shown
from duetdb.app.service.reading.explain import Explained, explaining
from duetdb.app.service.reading.reader import Reader
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.writing.writer import Writer
from duetdb.schema_gen.model import Collection

_PING_SECONDS: Final = 1.0


class Service:
    """Every read and write of documents, from either interface, passes here.

    All methods take the ``Principal`` without a default: a caller that nobody
    thought about cannot exist. Errors are those of ``service.errors``.
    """

    def __init__(self, engine: Engine, catalog: Catalog, limits: Limits, events: Events) -> None:
        self.engine = engine
        self.catalog = catalog
        self.limits = limits
        self.events = events
        self._authoriser = Authoriser(catalog)
        self._reader = Reader(engine, limits)
        self._aggregator = Aggregator(engine, limits)
        self._writer = Writer(engine, catalog, limits, events)

    async def ping(self) -> bool:
        """Whether the database answers now, within a second, and the schema is loaded."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                await self.engine.database.command("ping")
        except Exception:
            return False
        return self.catalog.ready

    @contextmanager
    def explaining(self, principal: Principal) -> Iterator[list[Explained]]:
        """Notes how the database answers each read that is made inside, for the full key only.

        Reads are made as they are otherwise, and cost twice. Raises
        ``Unauthenticated``, ``Forbidden``, or ``NotAvailable`` in memory.
        """
        require_full(principal)
        if self.engine.in_memory:
            raise NotAvailable(
                "Queries cannot be explained in memory mode.",
                hint="Use the embedded database (serve without --memory) or a MongoDB.",
            )
        with explaining() as notes:
            yield notes

    def admit(self, method: str, address: Address, principal: Principal) -> None:
        """Raises unless the method may be used at the address, before a request is looked at.

        It asks no more than the address says; what a request reads and writes is
        judged where it is done.
        """
        self._authoriser.admit(method, address, principal)

    def may_read(self, collection: Collection, address: Address, principal: Principal) -> bool:
        """Whether the caller may read there at all."""
        return self._authoriser.may_read(collection, address, principal)

    async def find(self, query: Query, principal: Principal) -> list[Document]:
        """The documents of one page, with their expansions attached."""
        with timing.database():
            return await self._reader.find(self._authoriser.read(query, principal))

    async def count(self, query: Query, principal: Principal) -> int:
        """How many documents match, page and order aside."""
        with timing.database():
            return await self._reader.count(self._authoriser.read(query, principal))

    async def expand(self, documents: list[Document], query: Query, principal: Principal) -> None:
        """Attaches the expansions of ``query`` to what a write answered, in place.

        The documents must be copies: those of the answer also go to listeners. A
        caller that may write and not read gets none.
        """
        address = query.address or (query.collection.name,)
        if not self._authoriser.may_read(query.collection, address, principal):
            return
        with timing.database():
            await self._reader.expand(documents, self._authoriser.read(query, principal))

    def stream(self, query: Query, principal: Principal) -> AsyncGenerator[Document, None]:
        """The matching documents one by one, never all in memory.

        Whoever does not take them all must close it.
        """
        return self._reader.stream(self._authoriser.read(query, principal))

    async def aggregate(self, aggregate: Aggregate, principal: Principal) -> list[Group]:
        """The groups of the documents that match, with their figures."""
        with timing.database():
            allowed = self._authoriser.aggregate(aggregate, principal)
            return await self._aggregator.aggregate(allowed)

    async def keyed(self, aggregate: Aggregate, principal: Principal) -> list[Keyed]:
        """The documents of one page with their expansions, each behind its keys."""
        with timing.database():
            return await self._aggregator.keyed(self._authoriser.aggregate(aggregate, principal))

    async def distinct(self, distinct: Distinct, principal: Principal) -> list[Any]:
        """The different values of one place, in order."""
        with timing.database():
            return await self._aggregator.distinct(self._authoriser.distinct(distinct, principal))

    async def count_distinct(self, distinct: Distinct, principal: Principal) -> int:
        """How many different values there are, page and order aside."""
        with timing.database():
            allowed = self._authoriser.distinct(distinct, principal)
            return await self._aggregator.count_distinct(allowed)

    async def create(self, create: Create, principal: Principal) -> list[Document]:
        """Inserts all documents or none; the answer is what is stored, in order.

        As after each write, what the caller may not see is left out of it.
        """
        with timing.database():
            allowed = self._authoriser.create(create, principal)
            created = await self._writer.create(allowed, principal)
            return shown(created, create.collection)

    async def update(self, update: Update, principal: Principal) -> Document:
        """Changes one document; the answer is the whole document after it."""
        with timing.database():
            allowed = self._authoriser.update(update, principal)
            updated = await self._writer.update(allowed, principal)
            return self._seen([updated], update, principal)[0]

    async def update_many(self, update: UpdateMany, principal: Principal) -> Outcome:
        """Changes by filter, full-access key only; the answer says what was and was not changed."""
        allowed = self._authoriser.update_many(update, principal)
        notes.acted("documents.update_many", update.collection.name)
        return await self._writer.update_many(allowed, principal)

    async def delete(self, delete: Delete, principal: Principal) -> list[Document]:
        """Deletes by ids; the answer is the deleted documents as they were."""
        with timing.database():
            allowed = self._authoriser.delete(delete, principal)
            deleted = await self._writer.delete(allowed, principal)
            return self._seen(deleted, delete, principal)

    async def delete_matching(self, delete: Delete, principal: Principal) -> list[Any]:
        """Deletes by filter, full-access key only; the answer is the deleted ids."""
        allowed = self._authoriser.delete(delete, principal)
        notes.acted("documents.delete_matching", delete.collection.name)
        return await self._writer.delete_matching(allowed, principal)

    def _seen(
        self, documents: list[Document], write: Update | Delete, principal: Principal
    ) -> list[Document]:
        """What was there before, as far as the caller may read it."""
        address = address_of(write, ANY_ID)
        if self._authoriser.may_read(write.collection, address, principal):
            return shown(documents, write.collection)
        return [{"_id": each["_id"]} for each in documents]
