"""What ``duetdb serve`` does once, before any worker runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from duetdb.app.cli._demo import load_demo
from duetdb.app.cli._session import session_on
from duetdb.app.mongo.connect import connect
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Unavailable
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.media.stores import check_bucket
from duetdb.app.service.options import BadOptions
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """``key`` is a full-access key that was made just now, ``memory`` the engine of memory mode."""

    key: str | None
    memory: Engine | None


async def prepare(settings: Settings) -> Prepared:
    """Checks database and bucket, loads sample data and proposed metadata if asked, makes the key.

    The key comes last: a start that fails before has not made one that nobody saw.
    """
    engine = await connect(settings)
    try:
        await _check_bucket(engine, settings)
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


async def _check_bucket(engine: Engine, settings: Settings) -> None:
    """Raises ``SettingsError`` for a bucket that cannot be right.

    One that cannot be reached just now is worth a word, and no reason to serve nothing at all.
    """
    try:
        await check_bucket(engine, settings.media())
    except BadOptions as error:
        raise SettingsError(str(error)) from None
    except Unavailable as error:
        print(f"duetdb: {error.message}", file=sys.stderr)
