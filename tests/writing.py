"""A writer over a fresh database, without the rest of the application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Invalid, ValidationFailed
from duetdb.app.service.events import Change, Events
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Create, Delete, Document, Parent, Update
from duetdb.app.service.writing.writer import Writer
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.indexes import indexes
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.validator import json_schema

Fields = Sequence[Mapping[str, Any]]


@dataclass
class Desk:
    """A writer with its schema, and every change that it published."""

    engine: Engine
    schema: Schema
    writer: Writer
    changes: list[Change] = field(default_factory=list)
    events: Events = field(default_factory=Events)

    def collection(self, name: str) -> Collection:
        return self.schema.collections[name]

    def stored(self, name: str) -> Any:
        return self.engine.database[name]

    async def create(self, name: str, *bodies: Any, **options: Any) -> list[Document]:
        create = Create(collection=self.collection(name), documents=bodies, **options)
        return await self.writer.create(create, FULL_ACCESS)

    async def one(self, name: str, body: Mapping[str, Any], **options: Any) -> Document:
        return (await self.create(name, body, **options))[0]

    async def update(
        self, name: str, id_: Any, changes: Mapping[str, Any], **options: Any
    ) -> Document:
        update = Update(collection=self.collection(name), id=id_, changes=changes, **options)
        return await self.writer.update(update, FULL_ACCESS)

    async def delete(self, name: str, *ids: Any, **options: Any) -> list[Document]:
        delete = Delete(collection=self.collection(name), ids=ids, **options)
        return await self.writer.delete(delete, FULL_ACCESS)

    def parent(self, name: str, id_: Any, field_name: str) -> Parent:
        collection = self.collection(name)
        return Parent(collection=collection, id=id_, field=collection.by_name[field_name])


async def open_desk(engine: Engine, limits: Limits | None = None, **fields: Fields | Any) -> Desk:
    """A desk over collections given as ``name=[fields]`` or ``name={definition}``."""
    definitions = {
        name: {"name": name, **(given if isinstance(given, Mapping) else {"fields": given})}
        for name, given in fields.items()
    }
    schema = build_schema(definitions, version=1)
    assert not schema.quarantined, schema.quarantined
    for name in definitions:
        await _prepare(engine, schema.collections[name])
    events = Events()
    writer = Writer(engine, SimpleNamespace(schema=schema), limits or Limits(), events)  # type: ignore[arg-type]
    desk = Desk(engine, schema, writer, events=events)
    events.subscribe(desk.changes.append)
    return desk


async def _prepare(engine: Engine, collection: Collection) -> None:
    if engine.in_memory:
        return
    await engine.database.create_collection(
        collection.name, validator={"$jsonSchema": json_schema(collection)}
    )
    for index in indexes(collection):
        partial = {"partialFilterExpression": dict(index.partial)} if index.partial else {}
        await engine.database[collection.name].create_index(
            list(index.keys), name=index.name, unique=index.unique, **partial
        )


def codes(failed: ValidationFailed) -> dict[str, str]:
    """Code by field."""
    return {each.field: each.code for each in failed.invalid}


def places(invalid: Sequence[Invalid]) -> list[tuple[int | None, str, str]]:
    return [(each.index, each.field, each.code) for each in invalid]
