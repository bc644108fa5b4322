"""Work that is done once in the life of a database."""

from __future__ import annotations

import asyncio

import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.schema import once as module
from duetdb.app.service.schema.once import once


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def test_of_many_at_once_one_does_it_and_the_others_wait(engine: Engine) -> None:
    running: list[bool] = []
    done: list[bool] = []

    async def work() -> None:
        async with once(engine, "work", yes) as ours:
            if ours:
                running.append(True)
                await asyncio.sleep(0.2)
                done.append(True)
            assert done == [True]

    await asyncio.gather(*(work() for _ in range(5)))
    assert running == [True]


async def test_it_is_kept_for_longer_than_its_lease(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEASE_SECONDS", 0.3)
    running = 0

    async def work() -> None:
        nonlocal running
        async with once(engine, "work", yes) as ours:
            if ours:
                running += 1
                await asyncio.sleep(1)

    await asyncio.gather(work(), work())
    assert running == 1


async def test_what_failed_is_given_to_the_next_whatever_is_wanted_by_then(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        async with once(engine, "work", yes):
            raise ZeroDivisionError
    async with once(engine, "work", no) as ours:
        assert ours
    async with once(engine, "work", yes) as ours:
        assert not ours


async def test_what_nobody_wants_stays_undone(engine: Engine) -> None:
    async with once(engine, "work", no) as ours:
        assert not ours
    async with once(engine, "other", no) as ours:
        assert not ours
    async with once(engine, "work", yes) as ours:
        assert ours
