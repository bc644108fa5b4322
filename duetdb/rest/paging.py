"""List parameters and hints, read into a ``Query`` (SPEC 6.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.parse import parse_filter, parse_order, parse_words
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, And, Expansion, Filter, Order, Query
from duetdb.rest.fields import Fields, parse_fields
from duetdb.rest.groups import Question, question_of, split_distinct
from duetdb.rest.hints import Hints, hints_of, order_of, wants_meta
from duetdb.rest.links import only_ids
from duetdb.rest.media import described, describing
from duetdb.rest.params import Params
from duetdb.rest.plans import EVERY_FIELD, PLAIN_FIELDS, Plan
from duetdb.schema_gen.model import Collection, Schema

_SKIP_CEILING = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page that a client asked for.

    ``totals`` asks for the envelope of SPEC 6.4, ``count_only`` for it without
    data; ``without_id`` says that ``_id`` was excluded explicitly. With
    ``question`` the answer is not the documents but what is asked about them.
    """

    query: Query
    totals: bool = False
    count_only: bool = False
    without_id: bool = False
    question: Question | None = None


def page_of(
    params: Params,
    plan: Plan,
    schema: Schema,
    limits: Limits,
    within: Filter = EVERYTHING,
    address: tuple[str, ...] = (),
    *,
    endless: bool = False,
) -> Page:
    """The page that the parameters describe, inside the filter ``within``, at an ``address``.

    ``endless``, for streams, knows neither the default nor the ceiling of ``max``.
    Raises ``BadQuery`` for what cannot be read and ``LimitExceeded`` above a limit.
    """
    if not params:
        first = replace(plan.first_page, max=None) if endless else plan.first_page
        if within is EVERYTHING:
            return Page(query=first)
        return Page(query=replace(first, filter=within, address=address))
    hints = hints_of(params)
    distinct, q = split_distinct(_filter(params))
    max_given = hints.get("$max", params.last("max"))
    fields = parse_fields(hints.get("$fields"), plan.collection)
    meta = wants_meta(params, hints)
    query = Query(
        collection=plan.collection,
        filter=_all(
            within,
            parse_filter(plan.collection, q, limits, schema),
            parse_words(plan.collection, params.last("filter"), limits),
        ),
        order=_order(plan.collection, params, hints, schema),
        skip=_skip(hints.get("$skip", params.last("skip"))),
        max=_max(max_given, None if endless else limits),
        projection=fields.projection(EVERY_FIELD if meta else PLAIN_FIELDS),
        expand=expansions(params, plan, meta, fields),
        described=described(params, plan.collection),
        address=address,
    )
    question = question_of(params, hints, distinct, query, schema, _size(max_given) is not None)
    if question is not None and endless:
        raise BadQuery("Groups and distinct values do not stream.", hint="Ask for them as .json.")
    count_only = params.flag("count")
    return Page(
        query=query,
        totals=count_only or params.flag("totals"),
        count_only=count_only,
        without_id=fields.without_id,
        question=question,
    )


def expansions(params: Params, plan: Plan, meta: bool, fields: Fields) -> tuple[Expansion, ...]:
    """The related documents to attach: references always, child lists on request.

    With ``idtolink`` no more than ids are needed.
    """
    found = plan.expand[meta]
    if params.flag("fetchchildren"):
        found = (*found, *plan.children[meta])
    if params.flag("idtolink"):
        return fields.narrow(only_ids(found))
    return describing(params, fields.narrow(found))


def _filter(params: Params) -> Any:
    """The filter in ``q``; nothing and ``[]``, an empty object in PHP, select everything."""
    given = params.json("q")
    return {} if given is None or given == [] else given


def _all(*parts: Filter) -> Filter:
    asked = tuple(part for part in parts if part != EVERYTHING)
    return asked[0] if len(asked) == 1 else And(asked)


def _order(
    collection: Collection, params: Params, hints: Hints, schema: Schema
) -> tuple[Order, ...]:
    sort, directions = order_of(hints) or (params.all("sort"), params.all("dir"))
    return parse_order(collection, sort, directions, schema)


def window_of(params: Params, limits: Limits) -> tuple[int, int]:
    """``skip`` and ``max`` of a list that is no collection's; raises ``LimitExceeded``."""
    most = _max(params.last("max"), limits)
    return _skip(params.last("skip")), limits.page_default if most is None else most


def _skip(given: Any) -> int:
    skip = _whole(given)
    if skip is not None and skip > _SKIP_CEILING:
        raise LimitExceeded(f"skip is at most {_SKIP_CEILING:,}.", hint="Filter by q instead.")
    return max(skip or 0, 0)


def _max(given: Any, limits: Limits | None) -> int | None:
    wanted = _size(given)
    if wanted is None:
        return limits.page_default if limits else None
    if limits and wanted > limits.page_ceiling:
        raise LimitExceeded(
            f"max is at most {limits.page_ceiling:,}.",
            hint="Page with skip and max, or raise DUETDB_PAGE_CEILING.",
        )
    return wanted


def _size(given: Any) -> int | None:
    """What ``max`` says; None when it says nothing, as 0 and less do."""
    wanted = _whole(given)
    return wanted if wanted is not None and wanted > 0 else None


def _whole(given: Any) -> int | None:
    """The integer that a parameter or hint holds; None for anything else."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        return int(given)
    except (ValueError, OverflowError):
        return None
