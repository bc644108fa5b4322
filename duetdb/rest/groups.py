"""Groups, figures and distinct values as answers of a list (SPEC 7.2, 7.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.grouping_texts import parse_key, parse_measure
from duetdb.app.service.filters.parse import place_of
from duetdb.app.service.grouping import Aggregate, Distinct, Key, Measure, Place
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Document, Query
from duetdb.app.service.service import Service
from duetdb.rest.hints import Hints, wants_grand_total
from duetdb.rest.params import Params
from duetdb.schema_gen.model import Schema

_MOST = 16
"""Keys, and figures, of one question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands in place of the documents.

    ``count`` is the number of groups or values, or of the ``documents`` in them.
    """

    data: Any
    count: int
    documents: Sequence[Document] = ()


@dataclass(frozen=True, slots=True)
class Grouping:
    """What ``groupby`` and ``aggregate`` ask for.

    ``measures`` are by the names that they have in the answer. ``page_only``
    says that ``max`` was given, so that only the page is grouped.
    """

    keys: tuple[Key, ...]
    measures: Mapping[str, Measure]
    grand_total: bool
    page_only: bool

    async def answer(self, query: Query, service: Service, principal: Principal) -> Answer:
        """The groups of the documents that ``query`` means, nested one key in another."""
        if not self.measures:
            question = Aggregate(query=query, keys=self.keys, as_text=True)
            return _of_documents(await service.keyed(question, principal))
        whole = Aggregate(
            query=query if self.page_only else replace(query, max=None),
            measures=tuple(self.measures.values()),
            as_text=True,
        )
        root: dict[str, Any] = {}
        documents: dict[int, Document] = {}  # one may be the least and the greatest of its group
        count = 0
        for depth in self._depths():
            level = await service.aggregate(replace(whole, keys=self.keys[:depth]), principal)
            if depth == len(self.keys):
                count = len(level)
            for group in level:
                holder = _at(root, group.keys)
                documents |= {id(each): each for each in group.values if isinstance(each, dict)}
                for name, value in zip(self.measures, group.values, strict=True):
                    holder.setdefault(name, value)
        return Answer(root, count, tuple(documents.values()))

    async def total(self, query: Query, service: Service, principal: Principal) -> int:
        """How many documents match, whatever their groups."""
        return await service.count(query, principal)

    def _depths(self) -> Iterable[int]:
        """The levels that have figures: the innermost groups, then those that lead there.

        In this order, because a group whose key is also the name of a figure stays.
        """
        deepest = len(self.keys)
        return range(deepest, -1, -1) if self.grand_total else (deepest,)


@dataclass(frozen=True, slots=True)
class Values:
    """What ``$distinct`` asks for."""

    distinct: Distinct

    async def answer(self, query: Query, service: Service, principal: Principal) -> Answer:
        """A page of the different values."""
        found = await service.distinct(self.distinct, principal)
        return Answer(found, len(found))

    async def total(self, query: Query, service: Service, principal: Principal) -> int:
        """How many different values there are."""
        return await service.count_distinct(self.distinct, principal)


Question: TypeAlias = "Grouping | Values"


def split_distinct(q: Any) -> tuple[Any, Any]:
    """The field of ``{"$distinct": field, ...}``, None without one, and the filter beside it."""
    if not isinstance(q, dict) or "$distinct" not in q:
        return None, q
    wanted = q["$distinct"]
    if not isinstance(wanted, str) or not wanted:
        raise BadQuery("'$distinct' takes the name of a field.", hint='Such as {"$distinct":"a"}.')
    return wanted, {name: condition for name, condition in q.items() if name != "$distinct"}


def question_of(
    params: Params,
    hints: Hints,
    distinct: str | None,
    query: Query,
    schema: Schema,
    page_only: bool,
) -> Question | None:
    """Reads ``groupby``, ``aggregate``, their hints and ``distinct``; None when none is given.

    Raises ``BadQuery`` for unknown functions, and for what cannot be a path.
    """
    wanted = _texts("groupby", hints, params)
    figures = _texts("aggregate", hints, params)
    if distinct is None:
        if not wanted and not figures:
            return None
        return Grouping(
            tuple(parse_key(each, query.collection, schema) for each in wanted),
            dict(parse_measure(each, query.collection, schema) for each in figures),
            wants_grand_total(hints),
            page_only,
        )
    if wanted or figures:
        raise BadQuery(
            "'$distinct' does not go with groups.", hint="A group's key comes once anyway."
        )
    place = place_of(query.collection, distinct, schema)
    first = query.order[0] if query.order else None
    falling = first is not None and first.descending and Place(first.path, first.hops) == place
    return Values(Distinct(query=query, place=place, descending=falling))


def _texts(name: str, hints: Hints, params: Params) -> list[str]:
    """The texts of a hint, one or a list of them, or else of the parameter."""
    given = hints.get(f"${name}") or params.all(name)
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise BadQuery(f"h.${name} must be a list of texts.", hint=f'Such as {{"${name}":["a"]}}.')
    found = [each.strip() for each in texts if each.strip()]
    if len(found) > _MOST:
        raise LimitExceeded(f"{name} takes at most {_MOST} texts.", hint="Ask by several requests.")
    return found


def _of_documents(found: list[tuple[tuple[Any, ...], Document]]) -> Answer:
    root: dict[str, Any] = {}
    for keys, document in found:
        _at(root, keys[:-1]).setdefault(keys[-1], []).append(document)
    return Answer(root, len(found), [document for _, document in found])


def _at(root: dict[str, Any], keys: tuple[Any, ...]) -> dict[str, Any]:
    """The object under a group's keys, made if it is not there."""
    for key in keys:
        root = root.setdefault(key, {})
    return root
