"""The one place that decides who may do what: it narrows frozen values.

What comes back is what may be executed. The interfaces parse requests against
the schema that the caller sees; a value about any other one is a mistake of
ours, and is not executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from duetdb.app.service.access.permissions import ANY_ID, Address
from duetdb.app.service.access.written_fields import check_written
from duetdb.app.service.grouping import Aggregate, Distinct, Key, Measure, Place
from duetdb.app.service.principal import Principal, refusal, require_full
from duetdb.app.service.query import (
    EVERYTHING,
    And,
    Create,
    Delete,
    Expansion,
    Filter,
    Hop,
    Match,
    Not,
    Or,
    Order,
    Parent,
    Query,
    Reach,
    Reaches,
    Related,
    Update,
    UpdateMany,
)
from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.model import Audience, Collection, Schema
from duetdb.schema_gen.narrowing import visible_of

H = TypeVar("H", Order, Place)

_CHILD = 2
"""Parts of the address of a document; those of child lists have more."""
_OTHERS = ("*", "_meta")
"""What stands in the place of an id; who asks for it is judged by what it does."""


class Schemas(Protocol):
    """Who knows the whole schema, which the filters of rules are about."""

    @property
    def schema(self) -> Schema: ...


class Authoriser:
    """Narrows every read and write before it reaches MongoDB.

    All methods raise ``Unauthenticated`` for callers that presented nothing and
    ``Forbidden`` for those that may not, the same whether or not what is asked
    for exists.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def read(self, query: Query, principal: Principal) -> Query:
        """The query as this caller may run it."""
        if principal.full:
            return query
        return _Narrowing(principal, self._schemas.schema).query(query)

    def aggregate(self, aggregate: Aggregate, principal: Principal) -> Aggregate:
        """The groups as this caller may ask for them."""
        if principal.full:
            return aggregate
        narrowing = _Narrowing(principal, self._schemas.schema)
        return replace(
            aggregate,
            query=narrowing.query(aggregate.query),
            keys=tuple(map(narrowing.key, aggregate.keys)),
            measures=tuple(map(narrowing.measure, aggregate.measures)),
        )

    def distinct(self, distinct: Distinct, principal: Principal) -> Distinct:
        """The distinct values as this caller may ask for them."""
        if principal.full:
            return distinct
        narrowing = _Narrowing(principal, self._schemas.schema)
        return replace(
            distinct,
            query=narrowing.query(distinct.query),
            place=narrowing.led(distinct.place),
        )

    def admit(self, method: str, address: Address, principal: Principal) -> None:
        """Whether there may be anything for the caller at the address."""
        if principal.full or not address or address[0].startswith("_"):
            return
        permissions = principal.permissions
        collection = self._schemas.schema.collections.get(address[0])
        if len(address) > _CHILD:
            allowed = permissions.allows(method, address)
        elif collection is None or method not in permissions.rights(collection).methods:
            allowed = False
        else:
            allowed = address[-1] in _OTHERS or permissions.allows(method, address)
        if not allowed:
            raise refusal(principal)

    def may_read(self, collection: Collection, address: Address, principal: Principal) -> bool:
        """Whether what was written there may be shown to the writer as it is stored."""
        permissions = principal.permissions
        return principal.full or (
            permissions.rights(collection.whole).can_read and permissions.allows("GET", address)
        )

    def create(self, create: Create, principal: Principal) -> Create:
        """The insert as this caller may do it."""
        if principal.full:
            return create
        narrowing = _Narrowing(principal, self._schemas.schema)
        narrowing.allow("POST", create.collection, address_of(create))
        for document in create.documents:
            check_written(create.collection, document, new=True)
        return replace(
            create,
            guard=narrowing.guard(create.collection, "POST"),
            parent=narrowing.parent(create.parent),
            reaches=narrowing.reaches(create.collection),
        )

    def update(self, update: Update, principal: Principal) -> Update:
        """The change of one document as this caller may do it."""
        if principal.full:
            return update
        narrowing = _Narrowing(principal, self._schemas.schema)
        narrowing.allow(update.method, update.collection, address_of(update))
        check_written(update.collection, update.changes, update.operations)
        return replace(
            update,
            guard=narrowing.guard_of_stored(update.collection, update.method),
            reaches=narrowing.reaches(update.collection),
        )

    def delete(self, delete: Delete, principal: Principal) -> Delete:
        """The deletion by ids as this caller may do it; one by filter is for the full key."""
        if principal.full:
            return delete
        if delete.ids is None:
            require_full(principal)
        narrowing = _Narrowing(principal, self._schemas.schema)
        for each in delete.ids or ():
            narrowing.allow("DELETE", delete.collection, address_of(delete, each))
        return replace(delete, guard=narrowing.guard_of_stored(delete.collection, "DELETE"))

    def update_many(self, update: UpdateMany, principal: Principal) -> UpdateMany:
        """A change by filter, which is for the full key."""
        require_full(principal)
        return update


def address_of(write: Create | Update | Delete, id_: object = None) -> Address:
    """Where REST does this write; ``id_`` is the one of several that are to be deleted."""
    parent = write.parent
    base: Address
    if parent is None:
        base = (write.collection.name,)
    else:
        base = (parent.collection.name, str(parent.id), parent.field.name)
    if isinstance(write, Create):
        return base
    return (*base, str(write.id if isinstance(write, Update) else id_))


class _Narrowing:
    """Narrows the values of one request."""

    def __init__(self, principal: Principal, schema: Schema) -> None:
        self._principal = principal
        self._permissions = principal.permissions
        self._schema = schema

    def allow(self, method: str, collection: Collection, address: Address) -> None:
        """Raises unless the method may be used there, on a collection as the caller sees it."""
        rights = self._permissions.rights(collection.whole)
        if method not in rights.methods or not self._permissions.allows(method, address):
            raise refusal(self._principal)
        if collection.rights != rights:
            raise AssertionError(f"{collection.name!r} is not narrowed as its caller's rights say.")

    def guard(self, collection: Collection, method: str) -> Filter:
        """Which documents the method may reach."""
        user = self._principal.user
        return self._permissions.guard(collection.whole, method, user, self._schema)

    def guard_of_stored(self, collection: Collection, method: str) -> Filter:
        """Which documents the method may change: of those that are read, if any may be.

        The answer to a change shows the document, and must not show one that a read does not.
        """
        guard = self.guard(collection, method)
        if not self._permissions.rights(collection.whole).can_read:
            return guard
        readable = self.guard(collection, "GET")
        return guard if guard == readable else And((readable, guard))

    def parent(self, parent: Parent | None) -> Parent | None:
        """The parent of new documents, which whoever may read parents must be able to see.

        A key for the child list alone makes children of whatever parent there is.
        """
        if parent is None:
            return None
        rights = self._permissions.rights(parent.collection.whole)
        if not rights.can_read and self._permissions.audience is not Audience.KEY:
            return parent
        return replace(parent, guard=self.guard(parent.collection, "GET"))

    def reaches(self, collection: Collection) -> Reaches:
        """What documents of the collection may refer to: what relations lead the caller to."""
        whole = collection.whole
        parents = (each for each in whole.referrers if each.field.relation is Relation.CHILD)
        names = {each.collection or "" for each in whole.relations}
        found = {}
        for name in names.union(each.collection for each in parents):
            target = self._schema.collections.get(name)
            if target is not None and (rights := self._permissions.rights(target)).followed:
                visible = visible_of(target, rights)
                lists = frozenset(each.name for each in target.children if visible.has(each.path))
                found[target.name] = Reach(self.guard(target, "GET"), lists)
        return found

    def query(self, query: Query) -> Query:
        """A read with all that it reaches."""
        self.allow("GET", query.collection, query.address or (query.collection.name,))
        return self._within(query)

    def _within(self, query: Query) -> Query:
        """A read that is allowed, with the guards of all that it leads to."""
        return replace(
            query,
            guard=self.guard(query.collection, "GET"),
            filter=self._filter(query.filter),
            order=_each(self.led, query.order),
            expand=_each(lambda each: self._expansion(each, query.collection), query.expand),
        )

    def _filter(self, filter: Filter) -> Filter:
        if filter is EVERYTHING:
            return filter
        if isinstance(filter, And | Or):
            return replace(filter, parts=_each(self._filter, filter.parts))
        if isinstance(filter, Not):
            return Not(self._filter(filter.part))
        if isinstance(filter, Match):
            if filter.operator != "elemMatch":
                return filter
            return replace(filter, value=self._filter(filter.value))
        if isinstance(filter, Related):
            self._lead(filter.source, filter.field, filter.target)
            inner, guard = self._filter(filter.filter), self.guard(filter.target, "GET")
            return replace(filter, filter=inner, guard=guard)
        return filter

    def led(self, place: H) -> H:
        """An order or a place, with the guards of what its relations lead to."""
        if not place.hops:
            return place
        return replace(place, hops=tuple(map(self._hop, place.hops)))

    def key(self, key: Key) -> Key:
        return replace(key, place=self.led(key.place))

    def measure(self, measure: Measure) -> Measure:
        return measure if measure.place is None else replace(measure, place=self.led(measure.place))

    def _hop(self, hop: Hop) -> Hop:
        self._follow(hop.target)
        return replace(hop, guard=self.guard(hop.target, "GET"))

    def _expansion(self, expansion: Expansion, source: Collection) -> Expansion:
        target = expansion.query.collection
        if expansion.reverse:
            self._follow(target)
        else:
            self._lead(source, expansion.field, target)
        return replace(expansion, query=self._within(expansion.query))

    def _lead(self, source: Collection, field: Field, target: Collection) -> None:
        """Raises unless the field leads the caller on; a child list has an address of its own."""
        is_list = field.relation is Relation.CHILD
        self._follow(target, (source.name, ANY_ID, field.name) if is_list else None)

    def _follow(self, target: Collection, address: Address | None = None) -> None:
        """Raises unless relations lead the caller to the collection."""
        for each in ((target.name,), (target.name, ANY_ID), address):
            if each is not None and self._permissions.allows("GET", each):
                self.allow("GET", target, each)
                return
        raise refusal(self._principal)


T = TypeVar("T")


def _each(narrowed: Callable[[T], T], values: Iterable[T]) -> tuple[T, ...]:
    return tuple([narrowed(each) for each in values])
