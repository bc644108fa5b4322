"""The rights of a web key (SPEC 2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from duetdb.app.service.access.document_filter import DocumentFilter
from duetdb.app.service.access.globs import Glob
from duetdb.app.service.access.permissions import (
    ANY_ID,
    Address,
    Permissions,
    readable_of,
    writable_of,
)
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.query import EVERYTHING, Filter
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Audience, Collection, Schema
from duetdb.schema_gen.rights import Rights
from duetdb.schema_gen.system import USERS


class KeyPermissions(Permissions):
    """Made once for each revision of a key."""

    audience = Audience.KEY

    def __init__(self, key: WebKey, users: str = USERS) -> None:
        super().__init__()
        self.token = ("key", key.id, key.revision)
        self._methods = key.methods
        self._globs = tuple(Glob(each, users) for each in key.paths)
        self._listed = frozenset(each.strip("/") for each in key.paths)
        self._filter = DocumentFilter(key.filter) if key.filter else None
        self._readable = frozenset(key.readable) or None
        self._writable = frozenset(key.writable) or None

    def allows(self, method: str, address: Address) -> bool:
        return method in self._methods and any(each.matches(address) for each in self._globs)

    def names(self, method: str, path: str) -> bool:
        return method in self._methods and path.strip("/") in self._listed

    def guard(
        self, collection: Collection, method: str, user: Mapping[str, Any], schema: Schema
    ) -> Filter:
        return EVERYTHING if self._filter is None else self._filter.of(collection, user, schema)

    def _rights(self, collection: Collection) -> Rights:
        methods = frozenset(method for method in self._methods if self._reaches(method, collection))
        readable = readable_of(collection, self._readable)
        writable = writable_of(collection, self._writable, readable)
        own: tuple[Address, ...] = (collection.name,), (collection.name, ANY_ID)
        followed = any(self.allows("GET", each) for each in own)
        lists = () if followed else _below(collection)
        below = ((each[0], each[2]) for each in lists if self.allows("GET", each))
        return Rights(
            methods,
            readable,
            writable,
            followed,
            below=frozenset(below),
            listed=self._could_reach(own[0]),
            addressed=self._could_reach(own[1]),
        )

    def _reaches(self, method: str, collection: Collection) -> bool:
        return any(map(self._could_reach, _addresses(method, collection)))

    def _could_reach(self, address: Address) -> bool:
        return any(each.could_match(address) for each in self._globs)


def _addresses(method: str, collection: Collection) -> Iterator[Address]:
    """Where documents of the collection are met by this method, as parts of others included."""
    for each in ((collection.name,), *_below(collection)):
        if method in ("GET", "POST"):
            yield each
        if method != "POST":
            yield (*each, ANY_ID)


def _below(collection: Collection) -> Iterator[tuple[str, str, str]]:
    """The child lists of it, below whatever parent."""
    for each in () if collection.system else collection.referrers:
        if each.field.relation is Relation.CHILD:
            yield each.collection, ANY_ID, each.field.name
