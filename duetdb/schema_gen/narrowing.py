"""The schema as one kind of caller sees it: what it may not read is not there.

Both interfaces are generated from it, so that for them a hidden field is one
that nobody declared, and a hidden collection one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.model import (
    SYSTEM_FIELDS,
    Audience,
    Collection,
    Narrowing,
    Referrer,
    Schema,
)
from duetdb.schema_gen.rights import ALL_RIGHTS, FieldSet, Rights

_WORDS = ("_keywords", "_tags")
_ALWAYS = tuple(each for each in SYSTEM_FIELDS if each not in _WORDS)
"""System fields belong to every document, also where ``only`` some fields may be read."""


def narrow(
    schema: Schema,
    rights_of: Callable[[Collection], Rights],
    audience: Audience,
    before: Schema | None = None,
) -> Schema:
    """The part of ``schema`` in which ``rights_of`` gives rights.

    Collections that nothing is kept of are the same objects in both, and those
    that have not changed since ``before``, which was made for the same caller,
    are the same objects as in that.
    """
    rights = {name: rights_of(each) for name, each in schema.collections.items()}
    told = {name: rights[name] for name in schema.collections if rights[name].methods}
    visible = {name: visible_of(schema.collections[name], each) for name, each in told.items()}
    readable = {name: visible[name] for name, each in told.items() if each.followed}
    below = frozenset().union(*(each.below for each in told.values()))
    known = before.collections if before is not None else {}
    collections: dict[str, Collection] = {}
    for name, each in told.items():
        lists = frozenset(field for parent, field in below if parent == name)
        made = _narrowed(schema.collections[name], each, visible[name], readable, lists)
        collections[name] = known[name] if known.get(name) == made else made
    return replace(
        schema,
        audience=audience,
        collections=MappingProxyType(collections),
        quarantined=MappingProxyType({}),
    )


def visible_of(collection: Collection, rights: Rights) -> FieldSet:
    """What may be seen of documents: the readable fields, less what would tell of the others.

    The stored words are among that, whatever is searchable: a document keeps those
    of a field that was so once until it is written again.
    """
    visible = rights.readable
    if visible.is_everything:
        return visible
    if visible.only is not None:
        visible = FieldSet(visible.only.union(_ALWAYS), visible.but)
    return _without_formulas(collection, visible.without(_WORDS))


def _without_formulas(collection: Collection, visible: FieldSet) -> FieldSet:
    """Less the formulas that read what is not visible, be it through other formulas."""
    formulas = [each for each in collection.all_fields if each.formula is not None]
    while True:
        telling = [
            each.path
            for each in formulas
            if visible.has(each.path) and not all(map(visible.has_whole, _operands(each)))
        ]
        if not telling:
            return visible
        visible = visible.without(telling)


def _operands(field: Field) -> tuple[str, ...]:
    return field.formula.names if field.formula is not None else ()


def _narrowed(
    collection: Collection,
    rights: Rights,
    visible: FieldSet,
    readable: Mapping[str, FieldSet],
    lists: frozenset[str],
) -> Collection:
    """The collection with what may be seen of it.

    ``readable`` are those that relations lead to, ``lists`` its own child lists that lead on
    although others do not.
    """
    fields = _fields(collection.fields, visible, readable, lists)
    referrers = tuple(each for each in collection.referrers if _may_follow(each, readable))
    writable = _fields(collection.fields, rights.writable, None)
    if rights == ALL_RIGHTS and fields == collection.fields and referrers == collection.referrers:
        return collection
    narrowing = Narrowing(collection, rights, visible, writable)
    return replace(
        collection,
        fields=fields,
        referrers=referrers,
        narrowing=narrowing,
        fingerprint=f"{collection.fingerprint}:{_digest(rights, readable, lists)}",
    )


def _may_follow(referrer: Referrer, readable: Mapping[str, FieldSet]) -> bool:
    seen = readable.get(referrer.collection)
    return seen is not None and (
        not referrer.field.is_stored or seen.has_whole(referrer.field.path)
    )


def _fields(
    fields: Iterable[Field],
    known: FieldSet,
    readable: Mapping[str, FieldSet] | None,
    lists: frozenset[str] = frozenset(),
) -> tuple[Field, ...]:
    """Those that are in ``known``; without ``readable``, whatever their relations lead to.

    A relation to what cannot be read is one to a collection that is not there:
    its ids are values, and lead nowhere.
    """
    found: list[Field] = []
    for each in fields:
        if not known.has(each.path):
            continue
        if each.fields:
            inside = _fields(each.fields, known, readable)
            each = each if inside == each.fields else replace(each, fields=inside)
        if each.relation is not None and readable is not None and each.collection not in readable:
            if each.relation is not Relation.CHILD:
                each = replace(each, collection="")
            elif each.name not in lists:
                continue
        found.append(each)
    return tuple(found)


def _digest(rights: Rights, readable: Iterable[str], lists: Iterable[str]) -> str:
    told: list[Any] = [sorted(rights.methods), rights.listed, rights.addressed]
    told += [sorted(readable), sorted(lists), rights.followed, sorted(rights.below)]
    for each in (rights.readable, rights.writable):
        told += [sorted(each.only or ()), [str(each.only is None)], sorted(each.but)]
    return sha256(repr(told).encode()).hexdigest()[:16]
