"""Groups and their figures, computed by a real database: values, order, pages, limits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from bson import Decimal128, Int64

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadQuery, Forbidden, LimitExceeded, NotAvailable
from duetdb.app.service.filters.parse import parse_filter, parse_order
from duetdb.app.service.grouping import Aggregate, GroupOrder
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS, Principal
from duetdb.app.service.query import And, Match, Not, Query
from duetdb.app.service.service import Service
from tests.sales import SALES, SALES_DOCUMENTS, SCHEMA, question, rows, serve, stored


@pytest.fixture
async def service(engine: Engine) -> Service:
    return await stored(engine)


@pytest.mark.parametrize(
    ("figures", "values"),
    [
        (["count"], [6]),
        (["sum:n", "avg:n", "min:n", "max:n", "countDistinct:n"], [15, 3.0, 1, "x", 7]),
        (["sum:price"], ["14.25"]),
        (["min:price", "max:price"], ["1.50", "free"]),
        (["sum:tags", "avg:tags", "countDistinct:tags"], [0, None, 4]),
        (["sum:lines.n", "avg:lines.n", "max:lines.n"], [15, 3.75, 8]),
        (["sum:lines.codes", "countDistinct:lines.codes", "avg:lines.codes"], [8, 3, 2.0]),
        (["sum:lines.0.n", "sum:lines.1.codes.0", "max:lines[0].codes[1]"], [5, 2, 2]),
        (["sum:weight", "countDistinct:weight"], [10, 2]),
        (["sum:lines.size", "sum:lines.0.size"], [12, 5]),
        (["sum:nothing", "avg:nothing", "min:nothing"], [0, None, None]),
        (["sum:shop.rooms", "avg:shop.rooms", "countDistinct:shop.name"], [10, 2.5, 2]),
        (["sum:via.rooms", "sum:via.1.rooms", "max:shop.owner.name"], [5, 2, "South"]),
        (["countDistinct:_id", "max:_id"], [6, 6]),
        (["countDistinct:tags", "countDistinct:lines.n", "sum:n", "count"], [4, 4, 15, 6]),
    ],
)
async def test_figures_of_everything(
    service: Service, figures: list[str], values: list[Any]
) -> None:
    assert await rows(service, question(*figures)) == [tuple(values)]


@pytest.mark.parametrize(
    ("by", "figures", "groups"),
    [
        (["item"], ["count", "sum:n"], [(None, 2, 3), ("ink", 2, 4), ("pen", 2, 8)]),
        (["tags"], ["count"], None),
        (
            ["item", "shop.name"],
            ["count"],
            [
                (None, None, 1),
                (None, "North", 1),
                ("ink", None, 1),
                ("ink", "South", 1),
                ("pen", "North", 1),
                ("pen", "South", 1),
            ],
        ),
        (["via.name"], ["count"], [(None, 5), (["South", "North"], 1)]),
        (["via.0.name"], ["count"], [(None, 5), ("South", 1)]),
        (["weight"], ["count"], [(None, 4), (4, 1), (6, 1)]),
        (["lines.0.codes.1"], ["count"], [(None, 5), (2, 1)]),
        (["lines.size"], ["max:_id"], [(None, 6), ([], 4), ([5, 7], 1)]),
        (["nothing.at.all"], ["count"], [(None, 6)]),
        (
            ["lines.codes", "via"],
            ["count"],
            [
                (None, None, 3),
                ([], None, 1),
                ([[1, 2], [2]], ["s2", "s1"], 1),
                ([[3]], None, 1),
            ],
        ),
    ],
)
async def test_groups(
    service: Service, by: list[str], figures: list[str], groups: list[tuple[Any, ...]] | None
) -> None:
    found = await rows(service, question(*figures, by=tuple(by)))
    if groups is None:
        groups = [(["a", "b"], 1), (["b"], 1), ([], 1), ("c", 1), ([None, ["d"]], 1), (None, 1)]
        assert sorted(map(repr, found)) == sorted(map(repr, groups))
    else:
        assert found == groups


async def test_numbers_of_all_kinds_are_the_database_s_arithmetic(engine: Engine) -> None:
    service, sales = serve(engine), engine.database.sales
    big = Int64(2**62)
    await sales.insert_many([{"n": big, "g": 1}, {"n": big, "g": 1.0}, {"n": big, "g": Int64(1)}])
    assert await rows(service, question("sum:n", "avg:n", "count", by=("g",))) == [
        (1, float(3 * 2**62), float(2**62), 3)
    ]
    await sales.delete_many({})
    await sales.insert_many([{"n": 1}, {"n": 0.5}, {"n": Decimal128("0.3")}])
    assert await rows(service, question("sum:n", "avg:n")) == [("1.8", "0.6")]
    await sales.insert_one({"n": math.nan})
    [(total, least, greatest)] = await rows(service, question("sum:n", "min:n", "max:n"))
    assert total == "NaN" and math.isnan(least) and greatest == 1


@pytest.mark.parametrize("by", [(), ("item",)])
async def test_no_documents(engine: Engine, by: tuple[str, ...]) -> None:
    functions = ("sum", "avg", "min", "max", "least", "greatest", "countDistinct")
    asked = question("count", *(f"{each}:n" for each in functions), by=by)
    nothing = [] if by else [(0, 0, None, None, None, None, None, 0)]
    service = serve(engine)
    assert await rows(service, asked) == nothing
    await engine.database.sales.insert_many(SALES_DOCUMENTS)
    none = replace(asked.query, filter=Match("item", "eq", "nib"))
    assert await rows(service, replace(asked, query=none)) == nothing
    kept = replace(asked, having=Match("m0", "lt", 1))
    assert await rows(service, replace(kept, query=none)) == nothing
    assert await rows(service, replace(asked, query=none, having=Match("m0", "gt", 0))) == []


async def test_a_document_that_is_referred_to_twice_counts_once(service: Service) -> None:
    twice = {"_id": 7, "item": "twice", "via": ["s2", "s1", "s2"]}
    await service.engine.database.sales.insert_one(twice)
    asked = question("sum:via.rooms", "avg:via.rooms", by=("via.name",))
    found = await rows(service, asked)
    assert found == [(None, 0, None), (["South", "North"], 10, 2.5)]


async def test_having(service: Service) -> None:
    asked = question("count", "sum:n", "avg:n", by=("item",))
    for having, items in (
        (Match("m1", "gte", 4), ["ink", "pen"]),
        (And((Match("m1", "gte", 4), Match("m2", "bt", (4, 4)))), ["ink", "pen"]),
        (Not(Match("m1", "in", [3, 8])), ["ink"]),
        (Match("m2", "lt", 2), [None]),
    ):
        found = await rows(service, replace(asked, having=having))
        assert [item for item, *_ in found] == items
    whole = question("count", having=Match("m0", "eq", 6))
    assert await rows(service, whole) == [(6,)]
    assert await rows(service, replace(whole, having=Match("m0", "ne", 6))) == []


async def test_order_and_max(service: Service) -> None:
    asked = question("count", "sum:n", by=("item",))
    for order, items in (
        ([GroupOrder("m1", True)], ["pen", "ink", None]),
        ([GroupOrder("k0", True)], ["pen", "ink", None]),
        ([GroupOrder("m0"), GroupOrder("m1")], [None, "ink", "pen"]),
        ([GroupOrder("m0", True)], [None, "ink", "pen"]),
    ):
        ordered = replace(asked, order=tuple(order))
        assert [item for item, *_ in await rows(service, ordered)] == items
        assert [item for item, *_ in await rows(service, replace(ordered, max=2))] == items[:2]
    with pytest.raises(BadQuery, match="'m2'"):
        await rows(service, replace(asked, order=(GroupOrder("m2"),)))


async def test_filters_and_pages_come_before_the_groups(service: Service) -> None:
    def asked(order: str = "", down: str = "", **query: Any) -> Aggregate:
        keys = parse_order(SALES, [order], [down], SCHEMA)
        return question("count", "sum:n", query=Query(collection=SALES, order=keys, **query))

    assert await rows(service, asked(max=2)) == [(2, 8)]
    assert await rows(service, asked(skip=1, max=2)) == [(2, 9)]
    assert await rows(service, asked(skip=2, max=None)) == [(4, 7)]
    assert await rows(service, asked("_id", "-1", max=4)) == [(4, 7)]
    # By the shop's name: nothing for 4 and 5, North for 1 and 6, South for 2 and 3.
    assert await rows(service, asked("shop.name", "", skip=2, max=2)) == [(2, 6)]
    in_south = parse_filter(SALES, {"shop.name": "South"}, Limits(), SCHEMA)
    assert await rows(service, asked(filter=in_south, max=None)) == [(2, 9)]


async def test_limits(engine: Engine) -> None:
    await engine.database.sales.insert_many([{"n": n} for n in range(5)])
    service = serve(engine, page_ceiling=4)
    asked = question("count", by=("n",))
    with pytest.raises(LimitExceeded, match="more than 4 groups") as caught:
        await service.aggregate(asked, FULL_ACCESS)
    assert "DUETDB_PAGE_CEILING" in (caught.value.hint or "")
    assert len(await service.aggregate(replace(asked, max=3), FULL_ACCESS)) == 3
    with pytest.raises(LimitExceeded, match="at most 16 keys"):
        await service.aggregate(question(by=("n",) * 17), FULL_ACCESS)
    with pytest.raises(LimitExceeded, match="At most 500 figures"):
        await service.aggregate(question(*("sum:n",) * 501), FULL_ACCESS)
    with pytest.raises(LimitExceeded, match="More than 32 relations"):
        await service.aggregate(question(*(f"sum:shop.{n}.rooms" for n in range(33))), FULL_ACCESS)
    with pytest.raises(LimitExceeded, match="more than 20 parts"):
        await service.aggregate(question("sum:" + ".".join("a" * 21)), FULL_ACCESS)


async def test_more_values_than_the_database_has_memory_for(service: Service) -> None:
    admin = service.engine.client.admin
    limit = "internalQueryMaxAddToSetBytes"
    was = (await admin.command({"getParameter": 1, limit: 1}))[limit]
    asked = question("countDistinct:_id")
    try:
        await admin.command({"setParameter": 1, limit: 100})
        with pytest.raises(LimitExceeded, match="more memory than the database gives"):
            await service.aggregate(asked, FULL_ACCESS)
    finally:
        await admin.command({"setParameter": 1, limit: was})
    assert await rows(service, asked) == [(6,)]


async def test_the_longest_paths_are_computed(service: Service) -> None:
    deep = "shop." + "owner." * 4 + ".".join(f"a{n}.{n}" for n in range(10))
    functions = ("sum", "avg", "min", "greatest", "countDistinct")
    asked = question(
        *(f"{each}:{deep}" for each in functions), by=(deep,), having=Match("m0", "eq", 0)
    )
    assert await rows(service, replace(asked, as_text=True)) == [("null", 0, None, None, None, 0)]
    whole = await rows(service, replace(asked, keys=()))
    assert whole == [(0, None, None, None, 0)]


async def test_who_may_ask(service: Service) -> None:
    nobody = Principal(name="web", full=False)
    for ask in (service.aggregate, service.keyed):
        with pytest.raises(Forbidden):
            await ask(question("count"), nobody)


async def test_in_memory(engine: Engine) -> None:
    memory = serve(replace(engine, in_memory=True))
    for ask in (memory.aggregate, memory.keyed):
        with pytest.raises(NotAvailable, match="Grouping is not available in memory mode"):
            await ask(question("count"), FULL_ACCESS)
