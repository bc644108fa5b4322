"""All web keys of a database, for those who look at what they open."""

from __future__ import annotations

from typing import Any

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.keys.records import COLLECTION, FULL, web_key_of
from duetdb.app.service.keys.web_key import WebKey


async def web_keys(engine: Engine) -> list[WebKey]:
    """Every web key that can be used, the oldest first."""
    stored: Any = engine.database[COLLECTION]
    with translate_driver_errors():
        cursor = stored.find({"_id": {"$ne": FULL}}).sort([("created", 1), ("_id", 1)])
        found = [web_key_of(record) async for record in cursor]
    return [each for each in found if each is not None]
