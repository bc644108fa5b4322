"""The rights of users, by their roles and the ``access`` of each collection (SPEC 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from duetdb.app.service.access.document_filter import DocumentFilter
from duetdb.app.service.access.permissions import (
    Address,
    PerCollection,
    Permissions,
    readable_of,
    writable_of,
)
from duetdb.app.service.query import EVERYTHING, And, Filter, Or
from duetdb.schema_gen.model import Audience, Collection, Schema
from duetdb.schema_gen.rights import METHODS, NO_RIGHTS, FieldSet, Rights

EVERYBODY: Final = "*"
"""The role that every user has."""
ADMINISTRATOR: Final = "admin"
"""The role for which private data is not private."""
_READING: Final = frozenset(("GET",))


class RolePermissions(Permissions):
    """Made once for each set of roles.

    What several roles give adds up. Documents are those of any of them; where
    roles reach different documents, fields are those that all of them may read.
    """

    audience = Audience.USER

    def __init__(self, roles: Iterable[str]) -> None:
        super().__init__()
        self._roles = frozenset(roles)
        self._grants = PerCollection(lambda each: _grants(each, self._roles))
        self.token = ("roles", self._roles)

    def allows(self, method: str, address: Address) -> bool:
        return True  # what users may do is said collection by collection

    def guard(
        self, collection: Collection, method: str, user: Mapping[str, Any], schema: Schema
    ) -> Filter:
        grants = self._grants.of(collection)
        given = grants.read if method == "GET" else grants.write
        parts: list[Filter] = []
        if not any(each.filter is None for each in given):
            parts.append(
                Or(tuple(each.filter.of(collection, user, schema) for each in given if each.filter))
            )
        if collection.access.get("private") and ADMINISTRATOR not in self._roles:
            parts.append(_OWN.of(collection, user, schema))
        return And(tuple(parts)) if parts else EVERYTHING

    def _rights(self, collection: Collection) -> Rights:
        grants = self._grants.of(collection)
        methods = (_READING if grants.read else frozenset()) | (
            METHODS - _READING if grants.write else frozenset()
        )
        if not methods:
            return NO_RIGHTS
        readable = _on_all(grants.read or grants.write, lambda each: each.readable)
        writable = _on_all(grants.write, lambda each: each.writable)
        return Rights(methods, readable, writable, followed=bool(grants.read))


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one role gives: the documents of a filter (None: all), and fields of them."""

    filter: DocumentFilter | None
    readable: FieldSet
    writable: FieldSet


@dataclass(frozen=True, slots=True)
class _Grants:
    """What all roles of a caller give together, for reading and for writing."""

    read: tuple[_Grant, ...]
    write: tuple[_Grant, ...]


_OWN: Final = DocumentFilter({"_createdby": "$user.email"})
"""Private data: the documents that the user created."""


def _grants(collection: Collection, roles: frozenset[str]) -> _Grants:
    """What ``access`` gives to these roles.

    A collection that names no roles is open to every user, but for system
    collections, which are closed to all that they do not name. A rule gives its
    role no more than it says; a role without a rule must be named by ``read`` or
    ``write``. Without ``write``, who may read may write.
    """
    access = collection.access
    rules = {
        role: [
            _of_rule(each, collection) for each in access.get("rules") or () if each["role"] == role
        ]
        for role in (*roles, EVERYBODY)
    }
    ruled = [grant for each in rules.values() for grant in each]
    readers, writers = access.get("read") or (), access.get("write") or ()
    if readers or access.get("rules"):
        read = [*ruled, *_free(readers, rules, collection)]
    else:
        read = [] if collection.system else [_of_rule({}, collection)]
    if writers:
        allowed = {role: each for role, each in rules.items() if role in writers}
        write = [grant for each in allowed.values() for grant in each]
        write += _free(writers, rules, collection)
    else:
        write = [] if collection.system else read
    return _Grants(tuple(read), tuple(write))


def _free(
    named: Iterable[str], rules: Mapping[str, list[_Grant]], collection: Collection
) -> list[_Grant]:
    """Everything, for a role that is named and has no rule."""
    free = any(role in named and not given for role, given in rules.items())
    return [_of_rule({}, collection)] if free else []


def _of_rule(rule: Mapping[str, Any], collection: Collection) -> _Grant:
    readable = readable_of(collection, _names(rule.get("readable")))
    writable = writable_of(collection, _names(rule.get("writable")), readable)
    found = rule.get("filter")
    return _Grant(DocumentFilter(found) if found else None, readable, writable)


def _names(given: Iterable[str] | None) -> frozenset[str] | None:
    return frozenset(given or ()) or None


def _on_all(grants: Iterable[_Grant], fields: Callable[[_Grant], FieldSet]) -> FieldSet:
    """The fields that may be reached in each of the documents that the grants reach together."""
    given = list(grants)
    if not given:
        return FieldSet(frozenset())
    everywhere = [fields(each) for each in given if each.filter is None]
    most = reduce(FieldSet.either, everywhere) if everywhere else FieldSet(frozenset())
    return reduce(FieldSet.both, [fields(each).either(most) for each in given])
