"""The query language of the wire (SPEC 7), read once into values for both interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from duetdb.app.service.dates import now
from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.geo import check_near
from duetdb.app.service.filters.operands import Operands
from duetdb.app.service.filters.paths import resolve, target_of
from duetdb.app.service.filters.tree import Budget, Parser
from duetdb.app.service.grouping import Place
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, Filter, Hop, Or, Order, Words
from duetdb.app.service.tokens import words
from duetdb.schema_gen.model import Collection, Schema

_ORDER_KEYS = 32
"""MongoDB sorts by no more keys than this."""
_MOST_HOPS = 5
"""Each relation on the way to a value is one more look-up for every document."""


def parse_filter(collection: Collection, q: Any, limits: Limits, schema: Schema) -> Filter:
    """Reads ``q``, as parsed from JSON, into a filter whose values are in stored form.

    Raises ``BadQuery`` for unknown operators and wrong shapes, naming them and
    what is near, and ``LimitExceeded`` for a filter that is too large.
    """
    if q is None or q == {}:
        return EVERYTHING
    budget = Budget(limits)
    filter = Parser(Operands(collection, schema, now()), limits, budget).filter(q)
    if budget.has_near:
        check_near(filter)
    return filter


def parse_words(collection: Collection, text: str, limits: Limits) -> Filter:
    """Reads a text filter (SPEC 6.3); a text without letters and digits asks for nothing.

    Raises ``LimitExceeded`` for more words than a filter has comparisons.
    """
    tokens = tuple(dict.fromkeys(words(text)))
    if not tokens:
        return EVERYTHING
    if len(tokens) > limits.filter_clauses:
        raise LimitExceeded(
            f"The text filter has more than {limits.filter_clauses} words.",
            hint="Ask by fewer words, or raise DUETDB_FILTER_CLAUSES.",
        )
    if not any(field.searchable for field in collection.all_fields):
        return Or(())
    return Words(tokens)


def parse_order(
    collection: Collection, sort: Sequence[str], directions: Sequence[str], schema: Schema
) -> tuple[Order, ...]:
    """Pairs each ``sort`` with the ``dir`` at its position; ``-1`` descends, all else does not.

    Empty names are skipped and a field that comes again is not looked at.
    Raises ``BadQuery`` for what leads to no value, ``LimitExceeded`` for too many.
    """
    return order_by(
        _order(
            place_of(collection, wanted, schema),
            position < len(directions) and directions[position].strip() == "-1",
        )
        for position, wanted in enumerate(sort)
        if wanted
    )


def order_by(keys: Iterable[Order]) -> tuple[Order, ...]:
    """The keys of an order, those of a place that has come before left out.

    Raises ``LimitExceeded`` for more than the database sorts by.
    """
    found: dict[Place, Order] = {}
    for each in keys:
        found.setdefault(Place(each.path, each.hops), each)
    if len(found) > _ORDER_KEYS:
        raise LimitExceeded(f"A query is sorted by at most {_ORDER_KEYS} fields.")
    return tuple(found.values())


def place_of(collection: Collection, path: str, schema: Schema) -> Place:
    """Where a path of the wire leads, through relations: ``company.0.name``.

    Raises ``BadQuery`` for what cannot be a path and for child lists, which have
    no value in the document, and ``LimitExceeded`` for too many relations.
    """
    hops: list[Hop] = []
    target = resolve(collection, path)
    while target.field is not None and target.field.relation is not None:
        if not target.field.is_stored:
            raise BadQuery(
                f"'{path[:50]}' leads into the child list '{target.field.name}', "
                "which is no value of the document.",
                hint="Ask the collection of its documents instead.",
            )
        if not target.rest:
            break
        if len(hops) == _MOST_HOPS:
            raise LimitExceeded(f"'{path[:50]}' leads through more than {_MOST_HOPS} relations.")
        hops.append(Hop(target.path, target_of(target.field, schema)))
        target = resolve(hops[-1].target, target.rest)
    return Place(target.path, tuple(hops))


def _order(place: Place, descending: bool) -> Order:
    return Order(place.path, descending, place.hops)
