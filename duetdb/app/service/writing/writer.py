"""The write side of the service: create, update, delete, and the news of what was committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden
from duetdb.app.service.events import Change, ChangeKind, Events
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Create, Delete, Document, Outcome, Update, UpdateMany
from duetdb.app.service.reading.related import resolved
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import to_mongo
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.writing.create import Creation
from duetdb.app.service.writing.delete import Deletion
from duetdb.app.service.writing.guard import condition_of, guard_of
from duetdb.app.service.writing.remit import within_rights
from duetdb.app.service.writing.site import Site, Turns
from duetdb.app.service.writing.update import Revising
from duetdb.app.service.writing.update_many import RevisingMany
from duetdb.app.service.writing.write_plan import WritePlans
from duetdb.schema_gen.model import Collection


class Writer:
    """Carries out writes; each that commits is published once, one that fails never.

    Every method may also raise ``Unavailable`` and ``LimitExceeded``.
    """

    def __init__(self, engine: Engine, catalog: Catalog, limits: Limits, events: Events) -> None:
        self._engine = engine
        self._catalog = catalog
        self._limits = limits
        self._events = events
        self._source = Source(engine, limits)
        self._plans = WritePlans()
        self._turns = Turns()

    async def create(self, create: Create, principal: Principal) -> list[Document]:
        """Inserts all documents or none; the answer is what is stored, in order.

        Raises ``ValidationFailed`` with everything that is wrong with any of
        them, ``NotFound`` for a parent that does not exist, ``BadRequest`` for
        names that begin with ``$``, ``TooLarge`` for more than 16 MB and
        ``Forbidden`` for what the caller may not store.
        """
        site = self._site(create.collection)
        with translate_driver_errors(), within_rights(create.collection):
            guard = await guard_of(create.guard, create.collection, self._source)
            documents = await Creation(site, create, guard).run(principal)
        self._publish(ChangeKind.CREATED, create.collection.name, documents, principal)
        return documents

    async def update(self, update: Update, principal: Principal) -> Document:
        """Changes one document; the answer is the whole document after it.

        Raises ``NotFound``, ``VersionMismatch``, ``ValidationFailed``,
        ``Conflict`` when others were faster each time, ``BadRequest``,
        ``TooLarge``, and ``Forbidden`` for what the caller may not store.
        """
        site = self._site(update.collection)
        with translate_driver_errors(), within_rights(update.collection):
            guard = await guard_of(update.guard, update.collection, self._source)
            document = await Revising(site, update, guard).run(principal)
        self._publish(ChangeKind.UPDATED, update.collection.name, [document], principal)
        return document

    async def delete(self, delete: Delete, principal: Principal) -> list[Document]:
        """Deletes by ids; the answer is the deleted documents as they were.

        Ids that do not exist are left out. Raises ``VersionMismatch``.
        """
        with translate_driver_errors():
            guard = await condition_of(delete.guard, delete.collection, self._source)
            documents = await Deletion(self._engine, self._limits, delete, guard).by_ids()
        self._publish(ChangeKind.DELETED, delete.collection.name, documents, principal)
        return documents

    async def delete_matching(self, delete: Delete, principal: Principal) -> list[Any]:
        """Deletes what matches the filter; the answer is the deleted ids.

        Raises ``Forbidden`` without the full-access key. Documents are deleted
        in batches and never held; should a later batch fail, those before it are
        gone, and are published as such.
        """
        if not principal.full:
            raise Forbidden(
                "Deleting by query needs the full-access key.",
                hint="Send the ids to be deleted, or use the full-access key.",
            )
        deleted: list[Any] = []
        try:
            with translate_driver_errors():
                condition = await self._condition(delete)
                await Deletion(self._engine, self._limits, delete).matching(condition, deleted)
        finally:
            self._publish_ids(ChangeKind.DELETED, delete.collection.name, deleted, principal)
        return deleted

    async def update_many(self, update: UpdateMany, principal: Principal) -> Outcome:
        """Changes what matches the filter, each document at most once and all or not at all.

        Raises ``Forbidden`` without the full-access key, and ``ValidationFailed``
        and ``BadRequest`` for what no document could admit, before any is
        changed. What is wrong with some documents is told by the answer. Ids are
        read in batches and documents never held; each batch is published with
        its ids alone.
        """
        if not principal.full:
            raise Forbidden(
                "Updating by query needs the full-access key.",
                hint="Update documents by their ids, or use the full-access key.",
            )

        def changed(ids: Sequence[Any]) -> None:
            self._publish_ids(ChangeKind.UPDATED, update.collection.name, ids, principal)

        with translate_driver_errors():
            condition = await self._condition(update)
            site = self._site(update.collection)
            return await RevisingMany(site, update, condition, principal).run(changed)

    def _site(self, collection: Collection) -> Site:
        plan = self._plans.of(collection)
        schema = self._catalog.schema
        return Site(self._engine, self._source, schema, self._limits, self._turns, plan)

    async def _condition(self, write: Delete | UpdateMany) -> dict[str, Any]:
        resolution = await resolved(write.filter, self._source)
        condition = to_mongo(resolution, write.collection)
        await self._source.demand_index(write.collection.name, condition)
        return condition

    def _publish(
        self, kind: ChangeKind, collection: str, documents: Sequence[Document], principal: Principal
    ) -> None:
        ids = [document["_id"] for document in documents]
        self._publish_ids(kind, collection, ids, principal, documents)

    def _publish_ids(
        self,
        kind: ChangeKind,
        collection: str,
        ids: Sequence[Any],
        principal: Principal,
        documents: Sequence[Document] = (),
    ) -> None:
        if ids:
            self._events.publish(
                Change(
                    kind=kind,
                    collection=collection,
                    ids=tuple(ids),
                    documents=tuple(documents),
                    principal=principal.name,
                )
            )
