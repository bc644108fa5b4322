"""What callers with limited rights see of the GraphQL schema, without a server."""

from __future__ import annotations

from typing import Any

from graphql import print_schema, validate_schema

from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.access.permissions import Permissions
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.limits import Limits
from duetdb.graphql.schema import GraphQLPart, build_part
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.model import Schema
from duetdb.schema_gen.narrowing import narrow

Json = dict[str, Any]


def whole_part(*definitions: Json, previous: GraphQLPart | None = None) -> GraphQLPart:
    """What the full-access key sees."""
    before = previous.schema if previous else Schema()
    named = {each["name"]: each for each in definitions}
    schema = build_schema(named, version=before.version + 1, previous=before)
    assert schema.quarantined == {}
    return build_part(schema, previous, Limits())


def narrowed(
    whole: GraphQLPart, permissions: Permissions, previous: GraphQLPart | None = None
) -> GraphQLPart:
    """What a caller with these permissions sees, which is a valid schema."""
    before = previous.schema if previous else None
    schema = narrow(whole.schema, permissions.rights, permissions.audience, before)
    part = build_part(schema, previous or whole, Limits())
    assert validate_schema(part.graphql) == []
    return part


def key(*paths: str, methods: str = "GET POST PUT PATCH DELETE", **more: Any) -> KeyPermissions:
    """The permissions of a web key."""
    return KeyPermissions(WebKey(id="1", paths=paths, methods=frozenset(methods.split()), **more))


def roots(part: GraphQLPart) -> set[str]:
    """The root fields of queries and mutations."""
    query, mutation = part.graphql.query_type, part.graphql.mutation_type
    assert query is not None
    return {*query.fields, *(mutation.fields if mutation else ())}


def told(part: GraphQLPart) -> str:
    """All that introspection could tell: names, values, arguments and descriptions."""
    return print_schema(part.graphql)
