"""The full-access key: made once, stored as a hash, verified in constant time."""

from __future__ import annotations

import asyncio
import re

import pytest

from duetdb.app.service.keys import keys as module
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, Unauthenticated
from duetdb.app.service.keys.keys import Keys, digest


async def test_a_key_is_made_once_and_not_stored(engine: Engine) -> None:
    keys = Keys(engine)
    await keys.start()
    assert keys.generated is not None and re.fullmatch("[0-9a-f]{37}", keys.generated)
    assert (await keys.authenticate(keys.generated)).full
    stored = await engine.database["_keys"].find({}).to_list()
    assert [each["hash"] for each in stored] == [digest(keys.generated)]
    assert keys.generated not in repr(stored)
    again = Keys(engine)
    await again.start()
    assert again.generated is None and (await again.authenticate(keys.generated)).full


async def test_many_processes_that_start_at_once_make_one_key(engine: Engine) -> None:
    processes = [Keys(engine) for _ in range(8)]
    await asyncio.gather(*(each.start() for each in processes))
    made = [each.generated for each in processes if each.generated]
    assert len(made) == 1
    for each in processes:
        assert (await each.authenticate(made[0])).full


@pytest.mark.parametrize("presented", ["x", "full", "é\ud800", "a" * 100_000])
async def test_what_is_no_key_is_forbidden(engine: Engine, presented: str) -> None:
    keys = Keys(engine, "a-key-that-the-operator-chose")
    await keys.start()
    with pytest.raises(Forbidden):
        await keys.authenticate(presented)


@pytest.mark.parametrize("presented", [None, ""])
async def test_nothing_presented_is_unauthenticated(engine: Engine, presented: str | None) -> None:
    keys = Keys(engine, "a-key-that-the-operator-chose")
    await keys.start()
    with pytest.raises(Unauthenticated):
        await keys.authenticate(presented)


async def test_a_configured_key_is_the_only_one(engine: Engine) -> None:
    generated = Keys(engine)
    await generated.start()
    configured = Keys(engine, "a-key-that-the-operator-chose")
    await configured.start()
    assert configured.generated is None
    assert (await configured.authenticate("a-key-that-the-operator-chose")).full
    with pytest.raises(Forbidden):
        await configured.authenticate(generated.generated)


async def test_a_reset_key_dies_in_every_process(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FRESH_SECONDS", 0.05)
    one, two = Keys(engine), Keys(engine)
    await one.start()
    await two.start()
    new = await two.reset()
    await asyncio.sleep(0.06)
    with pytest.raises(Forbidden):
        await one.authenticate(one.generated)
    assert (await one.authenticate(new)).full


async def test_a_database_without_a_key_lets_nobody_in(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FRESH_SECONDS", 0.0)
    keys = Keys(engine)
    await keys.start()
    await engine.database["_keys"].delete_many({})
    for presented in (keys.generated, "x"):
        with pytest.raises(Forbidden):
            await keys.authenticate(presented)
