"""Which top-level keys the documents of a collection have, declared or not."""

from __future__ import annotations

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.query import EVERYTHING, Filter
from duetdb.app.service.reading.translate import to_mongo
from duetdb.schema_gen.model import Collection


async def document_keys(
    engine: Engine, collection: Collection, where: Filter = EVERYTHING
) -> frozenset[str]:
    """All keys of all matching documents; the database looks at each of them."""
    keys = {"$map": {"input": {"$objectToArray": "$$ROOT"}, "in": "$$this.k"}}
    pipeline = [
        {"$match": to_mongo(where, collection)},
        {"$project": {"_id": 0, "key": keys}},
        {"$unwind": "$key"},
        {"$group": {"_id": "$key"}},
    ]
    with translate_driver_errors():
        cursor = await engine.database[collection.name].aggregate(pipeline)
        return frozenset([found["_id"] async for found in cursor])
