"""Carries out one operation: variables, plan, roots, and the errors of each in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from graphql import GraphQLError

from duetdb.app.service.errors import DuetError
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.reading.answer_size import check_size, one_answer
from duetdb.app.service.service import Service
from duetdb.graphql.call import Call
from duetdb.graphql.coercion import VariablesRefused
from duetdb.graphql.errors import ErrorEntry, entry, refused_all, service_entry
from duetdb.graphql.operations import Operation
from duetdb.graphql.plan import Plan
from duetdb.graphql.roots import Root
from duetdb.graphql.schema import GraphQLPart

_AT_ONCE = 8
"""Root fields that read at the same time, so that one operation leaves connections to others."""

Answer: TypeAlias = dict[str, Any]
"""``data`` and ``errors``; without ``data`` the operation was not begun."""


async def execute(
    operation: Operation,
    given: Mapping[str, Any],
    part: GraphQLPart,
    service: Service,
    principal: Principal,
    request_id: str,
) -> Answer:
    """The whole answer, for variables as they were sent; never raises but when cancelled."""
    try:
        operation.reader.check_sizes(given, _most_of(service.limits))
        variables = operation.reader.read(given)
        plan = operation.plan(variables)
        plan.cost.check(variables)
    except VariablesRefused as refused:
        return {"errors": refused_all(refused.errors)}
    except GraphQLError as error:
        return {"errors": refused_all([error])}
    except DuetError as error:
        return {"errors": [service_entry(error, request_id)]}
    call = Call(service, principal, part, variables)
    return await _run(plan, call, request_id)


def _most_of(limits: Limits) -> int:
    """More than a filter within its limits can hold: values, and around each comparison levels."""
    return limits.in_values + limits.filter_clauses * limits.filter_depth


async def _run(plan: Plan, call: Call, request_id: str) -> Answer:
    errors: list[ErrorEntry] = []
    read = partial(_value, call=call, request_id=request_id, errors=errors)
    with one_answer():
        if plan.serial or len(plan.roots) == 1:
            values = [await read(root) for root in plan.roots]
        else:
            values = await in_turns(read, plan.roots)
    data: dict[str, Any] | None = {}
    for root, value in zip(plan.roots, values, strict=True):
        if value is None and not root.nullable:
            data = None  # the null of a field that has none is its parent's
            break
        assert data is not None
        data[root.key] = value
    return {"errors": errors, "data": data} if errors else {"data": data}


async def in_turns(read: Callable[[Root], Awaitable[Any]], roots: Iterable[Root]) -> list[Any]:
    """What ``read`` makes of each root, a few at a time."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(root: Root) -> Any:
        async with turns:
            await asyncio.sleep(0)  # other requests have their turns between these
            return await read(root)

    return await asyncio.gather(*map(in_turn, roots))


async def _value(root: Root, call: Call, request_id: str, errors: list[ErrorEntry]) -> Any:
    try:
        check_size(call.service.limits)
        return await root.run(call)
    except Exception as error:
        errors.append(entry(error, request_id, root.key, root.node))
        return None
