"""Metadata: the JSON body that describes one collection, to ``Collection`` and back.

``check`` finds every mistake in a body, ``parse`` builds from a body without
mistakes, ``describe`` gives the body that ``GET /rest/<collection>/_meta``
answers and PUT accepts back unchanged: ``parse(describe(c)) == c``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.field_body import NO_IDS, describe_field, parse_fields
from duetdb.schema_gen.metadata_check import check
from duetdb.schema_gen.model import Collection, GraphQLNames, IdType, Referrer
from duetdb.schema_gen.names import choose, names_of

__all__ = ["check", "describe", "parse"]


def parse(
    definition: Mapping[str, Any],
    *,
    names: GraphQLNames | None = None,
    fields: tuple[Field, ...] | None = None,
    id_types: Mapping[str, IdType] = NO_IDS,
    referrers: tuple[Referrer, ...] = (),
    system: bool = False,
    fingerprint: str = "",
) -> Collection:
    """The collection that a body without mistakes describes.

    What a body cannot say comes by keyword: the names that were chosen beside
    other collections, the id types of relation targets (ObjectId unless
    given), and who refers to it. ``fields`` are those of an earlier parse.
    """
    if names is None:
        graphql_name = definition.get("graphqlName")
        names = names_of(graphql_name) if graphql_name else choose(definition["name"], ())
    return Collection(
        name=definition["name"],
        names=names,
        fields=fields if fields is not None else parse_fields(definition, id_types),
        description=definition.get("description") or "",
        system=system,
        strict=bool(definition.get("strict")),
        id_type=IdType(definition.get("idType") or IdType.OBJECT_ID),
        access=MappingProxyType(dict(definition.get("access") or {})),
        referrers=referrers,
        fingerprint=fingerprint,
    )


def describe(collection: Collection) -> dict[str, Any]:
    """The body that describes a collection; fields name only what differs from the default."""
    body: dict[str, Any] = {
        "name": collection.name,
        "description": collection.description,
        "system": collection.system,
        "fields": [describe_field(field) for field in collection.fields],
        "strict": collection.strict,
        "access": dict(collection.access),
        "graphqlName": collection.names.type,
    }
    if collection.id_type is not IdType.OBJECT_ID:
        body["idType"] = str(collection.id_type)
    return body
