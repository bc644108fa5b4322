"""One question about groups as the stages of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.grouping import Aggregate, Key
from duetdb.app.service.query import EVERYTHING
from duetdb.app.service.reading.concealing import Stage
from duetdb.app.service.reading.expressions import Expression
from duetdb.app.service.reading.figures import Figures, of_nothing
from duetdb.app.service.reading.key_expressions import KeyExpression, key_expression
from duetdb.app.service.reading.key_texts import Spelled
from duetdb.app.service.reading.places import TEMPORARY, Places
from duetdb.app.service.reading.translate import to_mongo
from duetdb.schema_gen.model import Collection, GraphQLNames

_MOST_KEYS: Final = 16
_MOST_MEASURES: Final = 500
_MOST_SORTED: Final = 32
_FIGURES: Final = Collection(name="", names=GraphQLNames("", ""))
"""Figures are fields of nothing that is declared."""


def group_stages(aggregate: Aggregate, limit: int, spelled: Spelled = ()) -> list[Stage]:
    """From documents to at most ``limit`` groups.

    A group is ``{"_id": {"k0": ...}, "m0": ...}``. Without keys there is one,
    or none that ``having`` keeps; none at all if there are no documents and
    ``having`` asks for nothing. ``spelled`` are texts of keys that the database
    cannot make. Raises ``BadQuery`` and ``LimitExceeded``.
    """
    places = Places(aggregate.query.collection)
    keys = _keys(aggregate.keys, places, aggregate.as_text, spelled)
    if len(aggregate.measures) > _MOST_MEASURES:
        raise LimitExceeded(f"At most {_MOST_MEASURES} figures are computed at once.")
    figures = Figures(aggregate.measures, places)
    group = {
        "_id": {f"k{n}": each.value for n, each in enumerate(keys)} or None,
        **{f"s{n}": {"$min": each.rank} for n, each in enumerate(keys) if each.rank is not None},
        **figures.accumulators,
    }
    stages = [*places.look_ups, *figures.before, {"$group": group}]
    stages.append({"$project": {"_id": 1, **_ranks(keys), **figures.results}})
    if aggregate.having != EVERYTHING:
        if not keys:
            stages = _or_nothing(stages, aggregate)
        stages.append({"$match": to_mongo(aggregate.having, _FIGURES)})
    if not keys:
        return stages
    return [*stages, {"$sort": _sort(aggregate)}, {"$limit": limit}, {"$unset": list(_ranks(keys))}]


def _ranks(keys: Sequence[KeyExpression]) -> dict[str, Expression]:
    """What groups are sorted by: in an object, because the database sorts by one list at most.

    It has a new name, or of a list each element would become an object.
    """
    return {
        f"r{n}": {"value": f"$_id.k{n}" if each.rank is None else f"$s{n}"}
        for n, each in enumerate(keys)
    }


def key_stages(keys: Sequence[Key], collection: Collection, as_text: bool) -> list[Stage]:
    """Puts the keys of each document, as a list, under ``TEMPORARY``."""
    places = Places(collection)
    found = [each.value for each in _keys(keys, places, as_text)]
    return [*places.look_ups, {"$set": {TEMPORARY: found}}]


def _keys(
    keys: Sequence[Key], places: Places, as_text: bool, spelled: Spelled = ()
) -> list[KeyExpression]:
    if len(keys) > _MOST_KEYS:
        raise LimitExceeded(f"Documents are grouped by at most {_MOST_KEYS} keys.")
    return [key_expression(each, places, as_text, spelled) for each in keys]


def _or_nothing(stages: list[Stage], aggregate: Aggregate) -> list[Stage]:
    """The one group, with the figures of nothing if there were no documents."""
    nothing = {"$literal": of_nothing(aggregate.measures)}
    group = {"$ifNull": [{"$first": "$group"}, nothing]}
    return [{"$facet": {"group": stages}}, {"$replaceRoot": {"newRoot": group}}]


def _sort(aggregate: Aggregate) -> Mapping[str, int]:
    """In the order that is asked for, then in that of the keys, which tell all groups apart."""
    ranks = [f"r{n}" for n in range(len(aggregate.keys))]
    paths = {f"k{n}": rank for n, rank in enumerate(ranks)}
    paths |= {f"m{n}": f"m{n}" for n in range(len(aggregate.measures))}
    sort: dict[str, int] = {}
    for each in aggregate.order:
        if each.name not in paths:
            raise BadQuery(f"Groups have no '{each.name}' to be ordered by.")
        sort.setdefault(paths[each.name], -1 if each.descending else 1)
    for path in (*ranks, "_id"):
        sort.setdefault(path, 1)
    if len(sort) > _MOST_SORTED:
        raise LimitExceeded(f"Groups are ordered by at most {_MOST_SORTED - 1} keys and figures.")
    return sort
