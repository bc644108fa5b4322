"""One page of related documents for each of many, found by one database call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duetdb.app.service.query import Document, Expansion, Query
from duetdb.app.service.reading.ids import usable
from duetdb.app.service.reading.ordering import page, sorted_page
from duetdb.app.service.reading.projections import projection_of, with_own
from duetdb.app.service.reading.selecting import Selection, frugally
from duetdb.app.service.reading.source import Source
from duetdb.app.service.stored_names import former_of, holders
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection

_OWNER = "_duet_owner"
"""Where the pipeline notes which group a copy of a document is for; never in an answer."""

Groups = dict[Any, list[Document]]


@dataclass(frozen=True, slots=True)
class Members:
    """How documents belong to their groups: by ``_parent_id``, or by references at ``paths``.

    There are two paths while the data of a renamed field is moving.
    """

    paths: tuple[str, ...]
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, expansion: Expansion, collection: Collection) -> Members:
        """``collection`` is the one whose documents are the groups."""
        field = expansion.field
        if field.relation is Relation.CHILD:
            fixed = {"_parent_def": collection.name, "_parent_field": field.name}
            return cls(("_parent_id",), fixed)
        source = expansion.query.collection
        former = former_of(field.path, source) if source.former else None
        return cls((field.path, former) if former else (field.path,), {})

    @property
    def of_parents(self) -> bool:
        return self.paths == ("_parent_id",)

    def condition(self, ids: list[Any]) -> dict[str, Any]:
        """Selects the members of all groups."""
        wanted = {"$eq": ids[0]} if len(ids) == 1 else {"$in": ids}
        if len(self.paths) == 1:
            return {self.paths[0]: wanted, **self.fixed}
        return {"$or": [{path: wanted} for path in self.paths]}

    def owners(self, document: Document) -> list[Any]:
        """The groups that a document belongs to, and whatever else is in its references."""
        found: list[Any] = []
        for path in self.paths:
            *parents, name = path.split(".")
            for holder in holders(document, parents):
                value = holder.get(name)
                found += value if isinstance(value, list) else [value]
        return found


async def grouped(
    query: Query, members: Members, ids: list[Any], selection: Selection, source: Source
) -> Groups:
    """For each of ``ids`` its page: ``skip`` and ``max`` of ``query`` count within the group.

    One page is a plain find. Several are sorted and cut in the database, so
    that a parent of a million children costs as much memory as its page; they
    come back one by one, because a whole group could be too large a document.
    """
    most = source.limits.level_documents + 1 if query.max is None else query.max
    if len(ids) == 1:
        return {ids[0]: await page(query, selection, source, query.skip, most)}
    if source.in_memory:
        return await _grouped_here(query, members, ids, selection, source)
    size = source.limits.level_documents + 1
    stages = _pipeline(query, members, ids, query.skip + most)

    async def read(selected: Selection) -> list[Document]:
        pipeline = [*sorted_page(query, selected, 0, 0), *stages, {"$limit": size}]
        return await source.aggregate(query.collection.name, pipeline, size)

    groups: Groups = {}
    name = "_parent_id" if members.of_parents else _OWNER
    is_shown = members.of_parents and _shows(query, name)
    for each in await frugally(selection, query.collection, read):
        owner = each[name] if is_shown else each.pop(name)
        for own in usable([owner]):
            groups.setdefault(own, []).append(each)
    return {owner: group[query.skip :] for owner, group in groups.items()}


def _shows(query: Query, path: str) -> bool:
    """Whether documents have what is at ``path`` also where nobody asks whose they are."""
    fields = projection_of(query)
    return not fields or (path in fields) == any(fields.values())


def _pipeline(query: Query, members: Members, ids: list[Any], first: int) -> list[dict[str, Any]]:
    """The stages that copy each document into its groups and keep the first of each."""
    owner = "_parent_id" if members.of_parents else _OWNER
    stages: list[dict[str, Any]] = []
    if not members.of_parents:
        refers = {"$setUnion": [_flat(f"${path}", path.count(".")) for path in members.paths]}
        wanted = {"$setIntersection": [refers, {"$literal": ids}]}
        stages += [{"$set": {_OWNER: wanted}}, {"$unwind": f"${_OWNER}"}]
    fields = projection_of(query, owner)
    if fields:
        stages.append({"$project": with_own(fields, owner)})
    kept = {"$firstN": {"input": "$$ROOT", "n": first}}
    return [
        *stages,
        {"$group": {"_id": f"${owner}", "kept": kept}},
        {"$unwind": "$kept"},
        {"$replaceRoot": {"newRoot": "$kept"}},
    ]


def _flat(value: str, depth: int) -> dict[str, Any]:
    """The elements at a path, of lists within lists as deep as the path can nest them."""
    listed = {"$cond": [{"$isArray": value}, value, [value]]}
    if not depth:
        return listed
    union = {"$setUnion": ["$$value", _flat("$$this", depth - 1)]}
    return {"$reduce": {"input": listed, "initialValue": [], "in": union}}


async def _grouped_here(
    query: Query, members: Members, ids: list[Any], selection: Selection, source: Source
) -> Groups:
    """The same where the engine cannot group: all members are read, and cut here."""
    limit = source.limits.level_documents + 1
    found = await page(query, selection, source, 0, limit, *members.paths)
    groups: Groups = {each: [] for each in ids}
    for document in found:
        for owner in dict.fromkeys(usable(members.owners(document))):
            if owner in groups:
                groups[owner].append(document)
        if members.of_parents and not _shows(query, "_parent_id"):
            document.pop("_parent_id", None)
    end = None if query.max is None else query.skip + query.max
    return {owner: group[query.skip : end] for owner, group in groups.items()}
