"""The full-access key: made once, stored as a hash, verified in constant time."""

from __future__ import annotations

import asyncio
import re

import pytest

from duetdb.app.service.dates import now
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, Unauthenticated
from duetdb.app.service.keys.hashes import new_key, plain_hash
from duetdb.app.service.keys.keys import Keys


async def test_a_key_is_made_once_and_not_stored(engine: Engine) -> None:
    keys = Keys(engine)
    await keys.start()
    assert keys.generated is not None and re.fullmatch("[0-9a-f]{37}", keys.generated)
    assert (await keys.authenticate(keys.generated)).full
    stored = await engine.database["_keys"].find({}).to_list()
    assert [each["hash"] for each in stored] == [keys.hashes.of(keys.generated)]
    assert stored[0]["hash"] != plain_hash(keys.generated)
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


@pytest.mark.parametrize("presented", ["x", "full", "é\ud800", "a" * 100_000, "0" * 24, "0" * 37])
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


async def test_a_reset_key_dies_in_every_process(engine: Engine) -> None:
    one, two = Keys(engine), Keys(engine)
    await one.start()
    await two.start()
    assert (await one.authenticate(one.generated)).full  # it is remembered now
    new = await two.reset()
    await asyncio.sleep(0.6)
    with pytest.raises(Forbidden):
        await one.authenticate(one.generated)
    assert (await one.authenticate(new)).full


async def test_a_database_without_a_key_lets_nobody_in(engine: Engine) -> None:
    keys = Keys(engine)
    await keys.start()
    await engine.database["_keys"].delete_many({})
    for presented in (keys.generated, "x"):
        with pytest.raises(Forbidden):
            await keys.authenticate(presented)


async def test_a_key_of_before_the_keyed_hash_is_known_and_stored_anew(engine: Engine) -> None:
    old = new_key(37)
    stored = engine.database["_keys"]
    record = {"_id": "full", "prefix": old[:6], "hash": plain_hash(old), "created": now()}
    await stored.insert_one(record)
    keys = Keys(engine)
    await keys.start()
    assert keys.generated is None
    for guess in (new_key(37), old[:6] + new_key(31), record["hash"][:37]):
        with pytest.raises(Forbidden):
            await keys.authenticate(guess)
    assert (await keys.authenticate(old)).full
    assert (await stored.find_one({"_id": "full"}))["hash"] == keys.hashes.of(old)
    again = Keys(engine)
    await again.start()
    assert (await again.authenticate(old)).full


async def test_the_secret_decides_and_may_be_kept_outside(engine: Engine) -> None:
    outside, other, inside = (Keys(engine, pepper=each) for each in ("x" * 32, "y" * 32, None))
    for each in (outside, other, inside):
        await each.start()
    assert (await outside.authenticate(outside.generated)).full
    for each in (other, inside):
        with pytest.raises(Forbidden):
            await each.authenticate(outside.generated)
    (secret,) = await engine.database["_secrets"].find({}).to_list()
    assert secret["_id"] == "keys" and re.fullmatch("[0-9a-f]{64}", secret["value"])
