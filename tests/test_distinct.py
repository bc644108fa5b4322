"""Different values of one place, in the order of the database, and how many there are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, LimitExceeded, NotAvailable
from duetdb.app.service.filters.parse import parse_filter, place_of
from duetdb.app.service.grouping import Distinct
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS, Principal
from duetdb.app.service.query import Match, Query
from duetdb.app.service.service import Service
from tests.sales import SALES, SCHEMA, plain, serve, stored


@pytest.fixture
async def service(engine: Engine) -> Service:
    return await stored(engine)


def asked(path: str, descending: bool = False, max: int | None = None, **query: Any) -> Distinct:
    return Distinct(
        query=Query(collection=SALES, max=max, **query),
        place=place_of(SALES, path, SCHEMA),
        descending=descending,
    )


async def values(service: Service, distinct: Distinct) -> list[Any]:
    return [plain(each) for each in await service.distinct(distinct, FULL_ACCESS)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("item", [None, "ink", "pen"]),
        ("n", [None, 1, 2, 3, 4, 5, "many", "x"]),
        ("price", ["1.50", "2.25", 10.5, "free"]),
        ("tags", [None, "a", "b", "c", ["d"]]),
        ("tags.0", [None, "a", "b"]),
        ("lines.n", [1, 2, 4, 8]),
        ("lines.codes", [1, 2, 3]),
        ("lines.0.codes", [1, 2, 3]),
        ("lines.1.codes.0", [2]),
        ("weight", [4, 6]),
        ("lines.size", [5, 7]),
        ("shop", ["gone", "s1", "s2"]),
        ("shop.name", ["North", "South"]),
        ("shop.0.name", ["North", "South"]),
        ("via.1.name", ["North"]),
        ("shop.owner.rooms", [3]),
        ("nothing.here", []),
    ],
)
async def test_values(service: Service, path: str, found: list[Any]) -> None:
    assert await values(service, asked(path)) == found
    assert await values(service, asked(path, descending=True)) == found[::-1]
    assert await values(service, asked(path, skip=1, max=2)) == found[1:3]
    assert await service.count_distinct(asked(path, max=1, skip=9), FULL_ACCESS) == len(found)


async def test_filters(service: Service) -> None:
    pens = asked("shop.name", filter=Match("item", "eq", "pen"), max=1)
    assert await values(service, pens) == ["North"]
    assert await service.count_distinct(pens, FULL_ACCESS) == 2
    in_south = parse_filter(SALES, {"shop.name": "South"}, Limits(), SCHEMA)
    assert await values(service, asked("item", filter=in_south)) == ["ink", "pen"]


async def test_numbers_of_one_value_are_one(engine: Engine) -> None:
    await engine.database.sales.insert_many([{"n": [1, 1.0]}, {"n": 1}, {"n": True}, {"n": "1"}])
    assert await serve(engine).count_distinct(asked("n"), FULL_ACCESS) == 3


async def test_nothing(engine: Engine) -> None:
    service = serve(engine)
    assert await values(service, asked("item")) == []
    assert await service.count_distinct(asked("item"), FULL_ACCESS) == 0


async def test_limits_and_rights(service: Service, engine: Engine) -> None:
    strict = serve(engine, page_ceiling=2)
    with pytest.raises(LimitExceeded, match="more than 2 values"):
        await strict.distinct(asked("item"), FULL_ACCESS)
    assert await values(strict, asked("item", max=2)) == [None, "ink"]
    assert await strict.count_distinct(asked("item"), FULL_ACCESS) == 3
    memory = serve(replace(engine, in_memory=True))
    for ask in (memory.distinct, memory.count_distinct):
        with pytest.raises(NotAvailable, match="different values is not available in memory"):
            await ask(asked("item"), FULL_ACCESS)
    nobody = Principal(name="web", full=False)
    for ask in (service.distinct, service.count_distinct):
        with pytest.raises(Forbidden):
            await ask(asked("item"), nobody)
