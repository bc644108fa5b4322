"""Sales and shops, clean and dirty ones, and questions about them."""

from __future__ import annotations

from typing import Any

from bson import Decimal128

from duetdb.app.service.engine import Engine
from duetdb.app.service.events import Events
from duetdb.app.service.filters.parse import place_of
from duetdb.app.service.grouping import Aggregate, Function, Key, Measure
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Document, Query
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.service import Service
from duetdb.schema_gen.build import build_schema

SCHEMA = build_schema(
    {
        "shops": {
            "name": "shops",
            "fields": [
                {"name": "name", "type": "text"},
                {"name": "rooms", "type": "number"},
                {"name": "owner", "type": "shops", "relation": "one"},
            ],
        },
        "sales": {
            "name": "sales",
            "fields": [
                {"name": "item", "type": "text"},
                {"name": "n", "type": "number"},
                {"name": "price", "type": "money"},
                {"name": "tags", "type": "text", "multiple": True},
                {"name": "shop", "type": "shops", "relation": "one"},
                {"name": "via", "type": "shops", "relation": "many"},
                {"name": "weight", "type": "number", "renamedFrom": "mass"},
                {
                    "name": "lines",
                    "type": "object",
                    "multiple": True,
                    "fields": [
                        {"name": "n", "type": "number"},
                        {"name": "codes", "type": "number", "multiple": True},
                        {"name": "size", "type": "number", "renamedFrom": "length"},
                    ],
                },
            ],
        },
    },
    version=1,
)
SHOPS, SALES = SCHEMA.collections["shops"], SCHEMA.collections["sales"]

SALES_DOCUMENTS: list[Document] = [
    {
        "_id": 1,
        "item": "pen",
        "n": 3,
        "price": Decimal128("1.50"),
        "tags": ["a", "b"],
        "shop": ["s1"],
        "via": ["s2", "s1"],
        "lines": [{"n": 1, "codes": [1, 2], "length": 5}, {"n": 2, "codes": [2], "size": 7}],
    },
    {
        "_id": 2,
        "item": "pen",
        "n": 5,
        "price": Decimal128("2.25"),
        "tags": ["b"],
        "shop": ["s2"],
        "weight": 4,
        "mass": 99,
        "lines": [{"n": 4, "codes": [3]}],
    },
    {"_id": 3, "item": "ink", "n": 4, "price": 10.5, "tags": [], "shop": ["s2"], "mass": 6},
    {"_id": 4, "item": "ink", "n": None, "shop": ["gone"], "lines": []},
    # Written beside the server, of other kinds than the schema says.
    {"_id": 5, "item": None, "n": "many", "price": "free", "tags": "c", "lines": {"n": 8}},
    {"_id": 6, "n": [1, 2, "x"], "tags": [None, ["d"]], "shop": "s1", "lines": 7},
]
SHOP_DOCUMENTS: list[Document] = [
    {"_id": "s1", "name": "North", "rooms": 2, "owner": ["s2"]},
    {"_id": "s2", "name": "South", "rooms": 3},
]


async def stored(engine: Engine) -> Service:
    """A service with all of them in its database."""
    await engine.database.sales.insert_many(SALES_DOCUMENTS)
    await engine.database.shops.insert_many(SHOP_DOCUMENTS)
    return serve(engine)


def serve(engine: Engine, **limits: int) -> Service:
    return Service(engine, Catalog(engine), Limits(**limits), Events())


def figure(text: str) -> Measure:
    """``sum:n`` for example, the path through relations as a client writes it."""
    function, _, path = text.partition(":")
    return Measure(Function(function), place_of(SALES, path, SCHEMA) if path else None)


def question(*figures: str, by: tuple[str, ...] = (), **more: Any) -> Aggregate:
    keys = tuple(Key(place_of(SALES, each, SCHEMA)) for each in by)
    asked: dict[str, Any] = {"query": Query(collection=SALES, max=None), **more}
    return Aggregate(keys=keys, measures=tuple(map(figure, figures)), **asked)


async def rows(service: Service, asked: Aggregate) -> list[tuple[Any, ...]]:
    """Keys and figures of each group, decimals as texts."""
    groups = await service.aggregate(asked, FULL_ACCESS)
    return [tuple(map(plain, (*each.keys, *each.values))) for each in groups]


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal128) else value
