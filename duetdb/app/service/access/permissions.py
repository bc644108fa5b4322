"""What a caller with limited rights may do, of which there are two kinds: web keys and users."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

from duetdb.app.service.query import EVERYTHING, Filter
from duetdb.schema_gen.model import Audience, Collection, Schema
from duetdb.schema_gen.rights import NO_RIGHTS, FieldSet, Rights
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS, USERS

Address: TypeAlias = tuple[str, ...]
"""Where something is below ``/rest``: the parts of the path, such as ``("posts", "<id>")``."""

ANY_ID: Final = "\0"
"""In an address: whatever id there may be. No id contains it."""

T = TypeVar("T")

_MOST_KEPT: Final = 2_000
_OTHERS: Final = SYSTEM_DEFINITIONS.keys() - {USERS}


class PerCollection(Generic[T]):
    """What is worked out once for each collection of a schema version."""

    def __init__(self, make: Callable[[Collection], T]) -> None:
        self._make = make
        self._known: dict[int, tuple[Collection, T]] = {}

    def of(self, collection: Collection) -> T:
        known = self._known.get(id(collection))
        if known is not None and known[0] is collection:
            return known[1]
        made = self._make(collection)
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()  # those of versions that are gone are never asked for again
        self._known[id(collection)] = collection, made
        return made


class Permissions(ABC):
    """The rights of one kind of caller; immutable, and shared by all callers of the kind."""

    token: Hashable
    """Callers with equal tokens see the same schema."""
    audience: Audience

    def __init__(self) -> None:
        self._rights_of = PerCollection(self._rights)

    def rights(self, collection: Collection) -> Rights:
        """What may be done with a collection, given whole, at one address of it or another."""
        return self._rights_of.of(collection)

    @abstractmethod
    def allows(self, method: str, address: Address) -> bool:
        """Whether the method may be used at this address."""

    def names(self, method: str, path: str) -> bool:
        """Whether the method may be used at a path that is not below ``/rest``.

        A key must list it letter for letter, for no star means what gives rights,
        such as ``/auth/jwt``.
        """
        return False

    @abstractmethod
    def guard(
        self, collection: Collection, method: str, user: Mapping[str, Any], schema: Schema
    ) -> Filter:
        """Which documents of the collection, given whole, the method may reach.

        It may ask by fields that the caller does not see. ``schema`` is the whole one.
        """

    @abstractmethod
    def _rights(self, collection: Collection) -> Rights: ...


class _Nothing(Permissions):
    """No rights at all."""

    token = None
    audience = Audience.KEY

    def allows(self, method: str, address: Address) -> bool:
        return False

    def guard(
        self, collection: Collection, method: str, user: Mapping[str, Any], schema: Schema
    ) -> Filter:
        return EVERYTHING

    def _rights(self, collection: Collection) -> Rights:
        return NO_RIGHTS


NOTHING: Final[Permissions] = _Nothing()

_PRIVILEGES: Final = frozenset(("roles", "active", "email_verified", "realtime"))
"""What decides on the rights of users: nobody writes it who was not told to by name."""


def holds_users(collection: Collection) -> bool:
    """Whether the records of users are in it: in ``users``, or where a setting puts them."""
    return collection.system and collection.name not in _OTHERS


def readable_of(collection: Collection, named: frozenset[str] | None) -> FieldSet:
    """The fields of a list, or without one all; hidden ones never."""
    hidden = frozenset(each.path for each in collection.all_fields if each.hidden)
    return FieldSet(named, hidden)


def writable_of(
    collection: Collection, named: frozenset[str] | None, readable: FieldSet
) -> FieldSet:
    """The fields of a list; or without one those that may be read, less what gives rights."""
    if named is not None:
        return FieldSet(named)
    return readable.without(_PRIVILEGES) if holds_users(collection) else readable
