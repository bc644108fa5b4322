"""What each kind of caller reaches, told for people who want to see what they opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.access.permissions import NOTHING, Permissions, holds_users
from duetdb.app.service.access.role_permissions import EVERYBODY, RolePermissions
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.query import EVERYTHING
from duetdb.schema_gen.model import Audience, Collection, Schema
from duetdb.schema_gen.narrowing import narrow
from duetdb.schema_gen.rights import METHODS
from duetdb.schema_gen.system import USERS

READING: Final = "GET"
ANYBODY: Final = "any user"
"""Who was identified and has no role."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One collection, as far as a caller reaches it.

    ``documents`` is false where a filter, or that data are private, keeps some
    of them back. ``readable`` and ``writable`` are paths of declared fields; the
    last two say whether properties that nobody declared are shown and taken.
    """

    collection: str
    methods: tuple[str, ...]
    documents: bool
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    shows_undeclared: bool
    takes_undeclared: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What one kind of caller reaches, and whether it may ask for the GraphQL schema."""

    caller: str
    audience: Audience | None
    collections: tuple[Reached, ...]
    introspection: bool


def reaches(schema: Schema, keys: Iterable[WebKey], told: Iterable[Audience]) -> Iterator[Reach]:
    """Anonymous callers, each web key, users without a role, and each role that is named.

    ``told`` are the audiences that may ask for the schema.
    """
    allowed = frozenset(told)
    elsewhere = (name for name, each in schema.collections.items() if holds_users(each))
    users = next((name for name in elsewhere if name != USERS), USERS)
    yield _reach("anonymous", None, NOTHING, schema, allowed)
    for key in keys:
        name = f"key {key.id}" + (f" ({key.description})" if key.description else "")
        yield _reach(name, Audience.KEY, KeyPermissions(key, users), schema, allowed)
    yield _reach(ANYBODY, Audience.USER, RolePermissions(()), schema, allowed)
    for role in roles_of(schema):
        yield _reach(f"role {role}", Audience.USER, RolePermissions((role,)), schema, allowed)


def roles_of(schema: Schema) -> list[str]:
    """Every role that the metadata of a collection names."""
    found: set[str] = set()
    for each in schema.collections.values():
        found.update(each.access.get("read") or (), each.access.get("write") or ())
        found.update(rule["role"] for rule in each.access.get("rules") or ())
    return sorted(found - {EVERYBODY})


def _reach(
    caller: str,
    audience: Audience | None,
    permissions: Permissions,
    schema: Schema,
    told: frozenset[Audience],
) -> Reach:
    seen = narrow(schema, permissions.rights, audience or Audience.USER)
    collections = [
        _reached(each, permissions, schema)
        for _, each in sorted(seen.collections.items())
        if each.rights.methods
    ]
    return Reach(caller, audience, tuple(collections), audience in told)


def _reached(collection: Collection, permissions: Permissions, schema: Schema) -> Reached:
    methods = collection.rights.methods
    narrowing = collection.narrowing
    fields = narrowing.writable if narrowing is not None else collection.fields
    guards = [permissions.guard(collection.whole, each, {}, schema) for each in methods]
    rights, writes = collection.rights, bool(methods - {READING, "DELETE"})
    return Reached(
        collection.name,
        tuple(sorted(methods)),
        all(each == EVERYTHING for each in guards),
        tuple(collection.by_path) if READING in methods else (),
        tuple(each.path for each in fields) if writes else (),
        READING in methods and rights.readable.only is None,
        writes and rights.writable.only is None,
    )


def reaches_everything(reach: Reach, schema: Schema) -> bool:
    """Whether the caller may do all that can be done with every collection of the site."""
    own = {name for name, each in schema.collections.items() if not each.system}
    whole = {
        each.collection
        for each in reach.collections
        if each.documents and METHODS.issubset(each.methods)
    }
    return bool(own) and own <= whole
