"""The collection that a file is imported into, made from the file's first rows if it is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadMetadata
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.schema.inferrer import Inferrer
from duetdb.app.transfer.files import Format, open_file, read_rows
from duetdb.app.transfer.options import Options
from duetdb.schema_gen.ids import object_id
from duetdb.schema_gen.inference import Proposal
from duetdb.schema_gen.inference_relax import Fault, relax
from duetdb.schema_gen.metadata import check
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.shape import Rules

SAMPLE_ROWS: Final = 5000
SAMPLE_BYTES: Final = 32 * 1024 * 1024
_ROUNDS: Final = 5
"""How often a definition is widened; each round ends with a look at every row."""


@dataclass(slots=True)
class Target:
    """A collection, and ``definition`` if its metadata has yet to be stored."""

    admin: SchemaAdmin
    schema: Schema
    collection: Collection
    definition: dict[str, Any] | None = None
    unsure: list[str] = field(default_factory=list)
    created: bool = False

    @property
    def name(self) -> str:
        return self.collection.name

    async def create(self) -> None:
        """Stores the metadata of a new collection."""
        if self.definition is not None and not self.created:
            await self.admin.put(self.name, self.definition, FULL_ACCESS)
            self.created = True


async def prepare_target(
    engine: Engine,
    catalog: Catalog,
    admin: SchemaAdmin,
    limits: Limits,
    name: str,
    path: Path,
    options: Options,
) -> Target:
    """The collection of that name; a new one is only rehearsed until ``create``.

    A collection that has documents but no metadata gets what they tell. A new
    one gets what the file's rows tell, or with ``infer`` off no fields at all.
    Raises ``Quarantined``, and ``BadMetadata`` for a name that cannot be one.
    """
    schema = catalog.schema
    if name in schema.collections or name in schema.quarantined:
        return Target(admin, schema, catalog.collection(name))
    if problems := check({"name": name, "fields": []}, None):
        raise BadMetadata(problems)
    inferrer = Inferrer(engine, catalog.steward.validators, limits.query_ms)
    if options.infer and await engine.database[name].find_one({}, {"_id": 1}):
        found = await admin.infer(name, FULL_ACCESS, apply=True)
        target = Target(admin, catalog.schema, catalog.collection(name))
        target.unsure += found["unsure"]
        return target
    definition: dict[str, Any] = {"name": name, "fields": []}
    sampled = _sample(path, options)
    proposal = await inferrer.propose_for(name, sampled)
    if options.infer:
        definition = proposal.definition
    elif "idType" in proposal.definition:
        definition["idType"] = proposal.definition["idType"]
    target = await _rehearsed(catalog, admin, definition)
    return await _settle(catalog, target, proposal, path, options)


async def _settle(
    catalog: Catalog, target: Target, proposal: Proposal, path: Path, options: Options
) -> Target:
    """The target widened until it admits the rows that the sample did not show."""
    if not options.infer:
        return target
    unsure = list(proposal.unsure)
    fallback = "text" if options.form is Format.CSV else "JSON"
    for _ in range(_ROUNDS):
        assert target.definition is not None
        definition, said = relax(
            target.definition, _faults(target.collection, path, options), fallback
        )
        if not said:
            break
        unsure += said
        target = await _rehearsed(catalog, target.admin, definition)
    target.unsure = unsure
    return target


async def _rehearsed(catalog: Catalog, admin: SchemaAdmin, definition: Mapping[str, Any]) -> Target:
    name = definition["name"]
    known = {*catalog.schema.collections, name}
    if problems := check(definition, known):
        raise BadMetadata(problems)
    rehearsal = await catalog.rehearse({**catalog.snapshot.definitions, name: dict(definition)})
    schema = rehearsal.schema
    return Target(admin, schema, schema.collections[name], dict(definition))


def _sample(path: Path, options: Options) -> list[dict[str, Any]]:
    """The first documents of the file, with texts that are ObjectIds read as such."""
    assert options.form is not None
    documents: list[dict[str, Any]] = []
    with open_file(path) as file:
        for row in read_rows(file, options.form, None, options.mapping):
            if row.document is not None:
                documents.append(dict(row.document))
            if len(documents) == SAMPLE_ROWS or row.end > SAMPLE_BYTES:
                break
    ids = [document["_id"] for document in documents if "_id" in document]
    if ids and all(object_id(each) is not None for each in ids):
        for document in documents:
            if "_id" in document:
                document["_id"] = ObjectId(document["_id"])
    return documents


def _faults(collection: Collection, path: Path, options: Options) -> set[Fault]:
    """What the definition refuses, over all rows."""
    assert options.form is not None
    faults: set[Fault] = set()
    rules = Rules()
    with open_file(path) as file:
        for row in read_rows(file, options.form, collection, options.mapping):
            if row.document is not None:
                _, problems = collection.shape.coerce(row.document, rules)
                faults.update((where, code) for where, code, _ in problems)
    return faults
