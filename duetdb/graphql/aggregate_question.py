"""The arguments of ``xAggregate`` as one question to the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.grouping import Aggregate, Function, GroupOrder, Key, Measure, Place
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, Filter, Projection, Query
from duetdb.app.service.reading.zones import check_zone
from duetdb.graphql.call import Model, count_of, filter_of
from duetdb.graphql.figures import FUNCTIONS, GroupKey
from duetdb.graphql.having import Having
from duetdb.graphql.measures import COUNT, Measures, measure_of
from duetdb.graphql.members import Members, Nested
from duetdb.graphql.where import descending
from duetdb.schema_gen.model import Collection

_REMEDY = "Narrow the filter, or raise DUETDB_PAGE_CEILING."
"""Groups have no pages."""


def aggregate_of(
    collection: Collection,
    arguments: Mapping[str, Any],
    model: Model,
    limits: Limits,
    selected: Sequence[Measure],
    times: int,
) -> Aggregate:
    """The question; its first measures are those that are ``selected``, up to so many times each.

    Raises ``BadQuery`` and ``LimitExceeded``.
    """
    keys = keys_of(arguments)
    zone = arguments.get("timeZone")
    if zone is not None:
        check_zone(zone)
    measures = Measures(selected)
    having = arguments.get("having")
    kept: Filter = EVERYTHING
    if having is not None:
        kept = Having(collection, model, limits, measures).filter(having)
    members = model.members(collection.name)
    most = arguments.get("max")
    order = tuple(_order(each, members, measures, keys) for each in arguments.get("orderBy") or ())
    return Aggregate(
        query=Query(
            collection=collection,
            filter=filter_of(collection, arguments, model, limits),
            max=None,
            projection=Projection(times=times),
        ),
        keys=tuple(
            Key(Place(each.path), each.bucket, "UTC" if zone is None else zone) for each in keys
        ),
        measures=measures.all,
        having=kept,
        order=order,
        max=None if most is None else count_of("max", most, 0, limits.page_ceiling, _REMEDY),
    )


def keys_of(arguments: Mapping[str, Any]) -> tuple[GroupKey, ...]:
    """What ``groupBy`` names, each once."""
    return tuple(dict.fromkeys(arguments.get("groupBy") or ()))


def _order(
    entry: Mapping[str, Any], members: Members, measures: Measures, keys: Sequence[GroupKey]
) -> GroupOrder:
    name, value = _only(entry)
    if name == "count":
        return GroupOrder(measures.name_of(COUNT), descending(name, value))
    if name == "group":
        name, value = _only(value)
        return GroupOrder(f"k{_place_of(name, keys)}", descending(name, value))
    measure, down = _figure(FUNCTIONS[name][0], members, value)
    return GroupOrder(measures.name_of(measure), down)


def _place_of(name: str, keys: Sequence[GroupKey]) -> int:
    for place, each in enumerate(keys):
        if each.name == name:
            return place
    raise BadQuery(
        f"Groups cannot be ordered by '{name}', which they are not made by.",
        hint="Name it in 'groupBy' too.",
    )


def _figure(function: Function, members: Members, entry: Any) -> tuple[Measure, bool]:
    name, value = _only(entry)
    member: Any = members[name]
    if isinstance(member, Nested):
        return _figure(function, member.members, value)
    return measure_of(function, member), descending(name, value)


def _only(entry: Any) -> tuple[str, Any]:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise BadQuery(
            "Each key of 'orderBy' names exactly one figure.",
            hint="Such as orderBy: [{count: DESC}, {sum: {price: ASC}}].",
        )
    ((name, value),) = entry.items()
    return name, value
