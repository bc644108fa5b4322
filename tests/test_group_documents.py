"""Groups that answer documents, and what the database transfers for an answer about groups."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener, CommandSucceededEvent

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.filters.parse import parse_order
from duetdb.app.service.grouping import Group
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Document, Expansion, Match, Projection, Query
from duetdb.app.service.service import Service
from tests.sales import (
    SALES,
    SALES_DOCUMENTS,
    SCHEMA,
    SHOP_DOCUMENTS,
    SHOPS,
    question,
    serve,
    stored,
)


@pytest.fixture
async def service(engine: Engine) -> Service:
    return await stored(engine)


async def test_least_and_greatest_are_documents(service: Service) -> None:
    only_item = Projection(("item", "shop"), include=True)
    shops = Expansion(SALES.by_name["shop"], Query(collection=SHOPS), "shop")
    query = Query(collection=SALES, max=None, projection=only_item, expand=(shops,))
    asked = question("least:n", "greatest:price", by=("item",), query=query)
    found = await service.aggregate(asked, FULL_ACCESS)
    north, south = SHOP_DOCUMENTS
    first = {"_id": 6, "shop": [north]}
    assert found == [
        Group((None,), ({**first}, {"_id": 5, "item": None})),
        Group(("ink",), ({"_id": 3, "item": "ink", "shop": [south]},) * 2),
        Group(
            ("pen",),
            (
                {"_id": 1, "item": "pen", "shop": [north]},
                {"_id": 2, "item": "pen", "shop": [south]},
            ),
        ),
    ]


async def test_least_and_greatest_of_equals_and_of_nothing(service: Service) -> None:
    await service.engine.database.sales.insert_many([{"_id": 0, "n": 5}, {"_id": {"a": 1}, "n": 0}])
    asked = question("least:n", "greatest:lines.n", "least:shop.name", "greatest:weight", "least:x")
    [group] = await service.aggregate(asked, FULL_ACCESS)
    found = [each and each["_id"] for each in group.values]
    assert found == [{"a": 1}, 5, 1, 3, None]
    assert group.values[3]["weight"] == 6  # under its new name
    numbers = Match("n", "in", [5, 3])
    asked = question("greatest:n", query=Query(collection=SALES, max=None, filter=numbers))
    [group] = await service.aggregate(asked, FULL_ACCESS)
    assert group.values[0]["_id"] == 0


async def test_each_document_of_a_page_behind_its_keys(service: Service) -> None:
    order = parse_order(SALES, ["shop.name"], ["-1"], SCHEMA)
    shops = Expansion(SALES.by_name["shop"], Query(collection=SHOPS), "shop")
    query = Query(collection=SALES, order=order, skip=1, max=3, expand=(shops,))
    asked = question(by=("shop.name", "weight"), query=query)
    found = await service.keyed(asked, FULL_ACCESS)
    assert [(keys, each["_id"]) for keys, each in found] == [
        (("South", 4), 2),
        (("North", None), 6),
        (("North", None), 1),
    ]
    keys, document = found[0]
    assert document["shop"] == [SHOP_DOCUMENTS[1]]
    assert document.keys() == SALES_DOCUMENTS[1].keys() - {"mass"}
    for projection, kept in (
        (Projection(("item",), include=True), {"_id": 2, "item": "pen"}),
        (Projection(("tags", "lines", "price", "via"), include=False), None),
    ):
        narrow = replace(query, projection=projection, expand=(), max=1)
        [(keys, document)] = await service.keyed(replace(asked, query=narrow), FULL_ACCESS)
        assert keys == ("South", 4)
        assert document == kept or document.keys() == {"_id", "item", "n", "shop", "weight"}


class Answers(CommandListener):
    """How many documents each answer of the database brought."""

    def __init__(self) -> None:
        self.sizes: list[tuple[str, int]] = []

    def started(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        batch = cursor.get("firstBatch", cursor.get("nextBatch", ()))
        self.sizes.append((event.command_name, len(batch)))


@pytest.fixture
async def watched(engine: Engine, mongod: EmbeddedMongod) -> AsyncIterator[tuple[Service, Answers]]:
    answers = Answers()
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        mongod.uri, directConnection=True, event_listeners=[answers]
    )
    await engine.database.sales.insert_many(
        [{"item": f"i{n % 7}", "n": n, "tags": ["x", n]} for n in range(2_000)]
    )
    yield serve(Engine(client=client, database=client[engine.database.name])), answers
    await client.close()


async def test_no_more_documents_than_groups_are_transferred(
    watched: tuple[Service, Answers],
) -> None:
    service, answers = watched
    figures = ("count", "sum:n", "avg:n", "min:n", "max:n", "countDistinct:tags")
    for asked, sizes in (
        (question(*figures), [1]),
        (question(*figures, by=("item",)), [7]),
        (question(*figures, by=("item",), max=3), [3]),
        (question(*figures, by=("item",), having=Match("m3", "gte", 5)), [2]),
        (question("least:n", by=("item",)), [7, 7]),
        (question("least:n", "greatest:n", by=("item",)), [7, 14]),
        (question("greatest:n"), [1, 1]),
        (question("least:none"), [1]),
    ):
        answers.sizes.clear()
        groups = await service.aggregate(asked, FULL_ACCESS)
        assert [size for _, size in answers.sizes] == sizes
        assert len(groups) == sizes[0]
