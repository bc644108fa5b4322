"""Related documents, attached level by level with one database call for each relation."""

from __future__ import annotations

from typing import Any

from duetdb.app.service.query import Document, Expansion, Query
from duetdb.app.service.reading.describing import describe
from duetdb.app.service.reading.expand_groups import Members, grouped
from duetdb.app.service.reading.ids import check_number, usable
from duetdb.app.service.reading.ordering import page
from duetdb.app.service.reading.projections import projection_of, trim
from duetdb.app.service.reading.related import settled
from duetdb.app.service.reading.selecting import select
from duetdb.app.service.reading.source import Source
from duetdb.app.service.stored_names import holders, under_new_names
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection


async def complete(documents: list[Document], query: Query, source: Source) -> None:
    """Makes of what was read for ``query`` what it answers, in place; errors are ``expand``'s."""
    trim(documents, query)
    if query.collection.former:
        under_new_names(documents, query.collection)
    if (query.expand or query.described) and documents:
        await attach(documents, query, source)


async def attach(documents: list[Document], query: Query, source: Source) -> None:
    """Attaches related documents and metadata of files, in place; errors are ``expand``'s."""
    await expand(documents, query, source)
    await describe(documents, query.described, source)


async def expand(documents: list[Document], query: Query, source: Source) -> None:
    """Attaches the expansions of ``query`` to its ``documents``, in place.

    A list of documents is put under each expansion's key. Where the key is the
    field itself and the document holds no value there, nothing is attached, so
    an absent reference stays absent and a null one null.

    Raises ``LimitExceeded`` when one level grows beyond what fits in memory.
    """
    # All ids first: an expansion may put its documents where the next one finds its ids.
    links = [_links(each, documents) for each in query.expand]
    for expansion, link in zip(query.expand, links, strict=True):
        if expansion.reverse == (expansion.field.relation is Relation.CHILD):
            await _attach_by_id(expansion, link, source)
        else:
            await _attach_groups(expansion, link, query.collection, source)


Links = list[tuple[Document, list[Any]]]
"""Where to attach, and the ids that lead there: of references, of a parent, or its own."""


def _links(expansion: Expansion, documents: list[Document]) -> Links:
    field = expansion.field
    if field.relation is Relation.CHILD and expansion.reverse:
        return [(each, _parent_of(each, expansion)) for each in documents]
    if field.relation is Relation.CHILD or expansion.reverse:
        return [(each, _ids(each["_id"])) for each in documents]
    *parents, name = field.path.split(".")
    in_place = expansion.key == name
    return [
        (holder, _ids(holder.get(name)))
        for document in documents
        for holder in holders(document, parents)
        if not in_place or holder.get(name) is not None
    ]


def _parent_of(child: Document, expansion: Expansion) -> list[Any]:
    is_its = (
        child.get("_parent_def") == expansion.query.collection.name
        and child.get("_parent_field") == expansion.field.name
    )
    return _ids(child.get("_parent_id")) if is_its else []


def _ids(stored: Any) -> list[Any]:
    """The ids of a stored reference: a list, or whatever was written beside us."""
    return usable(stored if isinstance(stored, list) else [stored])


def _unique(links: Links, source: Source) -> list[Any]:
    unique = list(dict.fromkeys(each for _, ids in links for each in ids))
    check_number(len(unique), "related documents", source.limits)
    return unique


async def _attach_by_id(expansion: Expansion, links: Links, source: Source) -> None:
    """Documents that the links name: in the order of the ids, unless another one is asked for."""
    ids = _unique(links, source)
    query = expansion.query
    found: list[Document] = []
    if ids:
        query = await settled(query, source)
        selection = select(query).within({"_id": {"$in": ids}})
        if query.order or selection.behind:
            found = await page(query, selection, source, 0, len(ids))
        else:
            name, fields = query.collection.name, projection_of(query)
            found = await source.find(name, selection.where, fields, limit=len(ids))
        await complete(found, query, source)
    by_id = {id_: each for each in found for id_ in usable([each["_id"]])}
    rank = {id_: place for place, id_ in enumerate(by_id)} if query.order else None
    end = None if query.max is None else query.skip + query.max
    for holder, own in links:
        there = [each for each in dict.fromkeys(own) if each in by_id]
        if rank is not None:
            there.sort(key=rank.__getitem__)
        holder[expansion.key] = [by_id[each] for each in there[query.skip : end]]


async def _attach_groups(
    expansion: Expansion, links: Links, collection: Collection, source: Source
) -> None:
    """Documents that name the links: a page of them for each, by the order asked for."""
    ids = _unique(links, source)
    members = Members.of(expansion, collection)
    query = await settled(expansion.query, source)
    selection = select(query).within(members.condition(ids))
    groups = await grouped(query, members, ids, selection, source)
    check_number(sum(map(len, groups.values())), "related documents", source.limits)
    await complete([each for group in groups.values() for each in group], query, source)
    for document, own in links:
        document[expansion.key] = [each for id_ in own for each in groups.get(id_, ())]
