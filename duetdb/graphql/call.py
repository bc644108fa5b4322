"""What one request brings to its plan, and how list arguments become a service query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from duetdb.app.service.errors import BadQuery, BadRequest, LimitExceeded
from duetdb.app.service.filters.geo import check_near
from duetdb.app.service.filters.parse import parse_filter, parse_words
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import EVERYTHING, And, Filter, Order
from duetdb.app.service.reading.translate import is_by_distance
from duetdb.app.service.service import Service
from duetdb.graphql.members import Members
from duetdb.graphql.where import in_words_of_where, order_of, where_to_q
from duetdb.schema_gen.model import Collection, Schema


class Model(Protocol):
    """The schema of one generation as plans need it."""

    @property
    def schema(self) -> Schema: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def media_url(self) -> str: ...

    def members(self, collection: str) -> Members: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks whom, on which schema, with which coerced variables."""

    service: Service
    principal: Principal
    model: Model
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """What list arguments ask for."""

    filter: Filter
    order: tuple[Order, ...]
    skip: int
    max: int


def page_of(
    collection: Collection,
    arguments: Mapping[str, Any],
    model: Model,
    limits: Limits,
    default: int,
) -> Page:
    """Reads ``where``, ``q``, ``filter``, ``orderBy``, ``skip`` and ``max``.

    Raises ``BadQuery`` and ``LimitExceeded``.
    """
    if not arguments:
        return Page(EVERYTHING, (), 0, default)
    return Page(
        filter_of(collection, arguments, model, limits),
        order_of(arguments.get("orderBy"), collection, model.schema, model.members),
        count_of("skip", arguments.get("skip"), 0, None),
        count_of("max", arguments.get("max"), default, limits.page_ceiling),
    )


def filter_of(
    collection: Collection, arguments: Mapping[str, Any], model: Model, limits: Limits
) -> Filter:
    """The filter of ``where``, ``q`` and ``filter``, all of which must hold.

    Raises ``BadQuery`` and ``LimitExceeded``.
    """
    parts: list[Filter] = []
    where, q, text = (arguments.get(name) for name in ("where", "q", "filter"))
    if where is not None:
        parts.append(_typed(collection, where, model, limits))
    if q is not None:
        parts.append(parse_filter(collection, q, limits, model.schema))
    if text is not None:
        parts.append(parse_words(collection, text, limits))
    if len(parts) == 1:
        return parts[0]
    if sum(map(is_by_distance, parts)) > 1:
        check_near(And(tuple(parts)))
    return And(tuple(parts))


def _typed(
    collection: Collection, where: Mapping[str, Any], model: Model, limits: Limits
) -> Filter:
    spelled = where_to_q(where, model.members(collection.name), model.members)
    try:
        return parse_filter(collection, spelled, limits, model.schema)
    except BadRequest as error:
        raise in_words_of_where(error) from None


def count_of(
    name: str,
    value: int | None,
    default: int,
    ceiling: int | None,
    remedy: str = "Read the rest page by page.",
) -> int:
    """A number of documents; raises ``BadQuery`` below zero, ``LimitExceeded`` above a limit."""
    if value is None:
        return default
    if value < 0:
        raise BadQuery(f"'{name}' must not be negative.")
    if ceiling is not None and value > ceiling:
        raise LimitExceeded(f"'{name}' is at most {ceiling:,}.", hint=remedy)
    return value


def depends_on_time(value: Any) -> bool:
    """Whether constant arguments hold a variable such as ``$now``, which means another instant
    at each request."""
    if isinstance(value, str):
        return value.startswith("$")
    if isinstance(value, Mapping):
        return any(map(depends_on_time, value.values()))
    return isinstance(value, list) and any(map(depends_on_time, value))
