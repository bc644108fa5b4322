"""Callers with limited rights, who write at a desk of ``tests.writing``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.access.permissions import Permissions
from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.errors import DuetError, ValidationFailed
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Create, Delete, Document, Parent, Update
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.service import Service
from duetdb.app.service.writing.operations import parse_operations
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.narrowing import narrow
from tests.writing import Desk


@dataclass
class Caller:
    """A principal, and the schema as it sees it."""

    service: Service
    principal: Principal
    whole: Schema
    schema: Schema

    def collection(self, name: str) -> Collection:
        return self.schema.collections[name]

    async def create(self, name: str, *bodies: Any, **options: Any) -> list[Document]:
        create = Create(collection=self.collection(name), documents=bodies, **options)
        return await self.service.create(create, self.principal)

    async def one(self, name: str, body: Mapping[str, Any], **options: Any) -> Document:
        return (await self.create(name, body, **options))[0]

    async def update(
        self, name: str, id_: Any, body: Mapping[str, Any], **options: Any
    ) -> Document:
        """A body of REST, operators with their dollar signs."""
        changes, operations = parse_operations(body)
        update = Update(
            collection=self.collection(name),
            id=id_,
            changes=changes,
            operations=operations,
            **options,
        )
        return await self.service.update(update, self.principal)

    async def delete(self, name: str, *ids: Any, **options: Any) -> list[Document]:
        delete = Delete(collection=self.collection(name), ids=ids, **options)
        return await self.service.delete(delete, self.principal)

    def parent(self, name: str, id_: Any, field: str) -> Parent:
        """As REST reads it off the URL: of the whole schema where the caller has no rights."""
        above = self.schema.collections.get(name) or self.whole.collections[name]
        return Parent(collection=above, id=id_, field=self.whole.collections[name].by_name[field])


class _Schemas:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema


def user(desk: Desk, *roles: str, email: str = "a@b.c", **record: Any) -> Caller:
    """A user with these roles, whose record holds the rest."""
    who = {"email": email, **record}
    return _caller(desk, RolePermissions(roles), name=email, id=f"user:{email}", user=who)


def key(desk: Desk, *paths: str, **rights: Any) -> Caller:
    """A web key for these paths."""
    permissions = KeyPermissions(WebKey(id="k", paths=paths, **rights))
    return _caller(desk, permissions, name="api", id="key:k")


def _caller(desk: Desk, permissions: Permissions, **who: Any) -> Caller:
    service = Service(desk.engine, cast(Catalog, _Schemas(desk.schema)), Limits(), desk.events)
    schema = narrow(desk.schema, permissions.rights, permissions.audience)
    return Caller(service, Principal(permissions=permissions, **who), desk.schema, schema)


def told(error: DuetError) -> tuple[Any, ...]:
    """All that a client learns from an error."""
    listed = error.invalid if isinstance(error, ValidationFailed) else ()
    return (error.code, error.message, error.hint, *listed)
