"""What ``duetdb serve`` does once, before any worker runs."""

from __future__ import annotations

from dataclasses import dataclass

from duetdb.app.cli._demo import load_demo
from duetdb.app.cli._session import session_on
from duetdb.app.mongo.connect import connect
from duetdb.app.service.engine import Engine
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """``key`` is a full-access key that was made just now, ``memory`` the engine of memory mode."""

    key: str | None
    memory: Engine | None


async def prepare(settings: Settings) -> Prepared:
    """Checks the connection, loads sample data and proposed metadata if asked, makes the key.

    The key comes last: a start that fails before has not made one that nobody saw.
    """
    engine = await connect(settings)
    try:
        if settings.demo:
            await load_demo(engine, settings)
        if settings.infer:
            async with session_on(engine, settings) as session:
                await session.admin.infer_all(FULL_ACCESS, apply=True)
        keys = Keys(engine, settings.api_key, settings.key_pepper)
        await keys.start()
        return Prepared(keys.generated, engine if engine.in_memory else None)
    finally:
        await engine.client.close()
