"""What is remembered for a moment: fresh enough, bounded, and never an error."""

from __future__ import annotations

import asyncio

import pytest

from duetdb.app.service import lately
from duetdb.app.service.lately import Lately


class Source:
    """Counts how often it is read, and can fail or be slow."""

    def __init__(self) -> None:
        self.read = 0
        self.fails = False
        self.seconds = 0.0

    async def __call__(self, key: str) -> str:
        self.read += 1
        found = f"{key}{self.read}"
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise ValueError(key)
        return found


async def test_a_value_is_read_again_when_it_is_old() -> None:
    source = Source()
    known = Lately(source, 0.1)
    assert [await known.get("a"), await known.get("a"), await known.get("b")] == ["a1", "a1", "b2"]
    await asyncio.sleep(0.11)
    assert await known.get("a") == "a3"


async def test_the_time_of_reading_counts_from_its_beginning() -> None:
    source = Source()
    source.seconds = 0.15
    known = Lately(source, 0.1)
    assert [await known.get("a"), await known.get("a")] == ["a1", "a2"]


async def test_errors_are_not_remembered() -> None:
    source = Source()
    source.fails = True
    known = Lately(source)
    with pytest.raises(ValueError, match="a"):
        await known.get("a")
    source.fails = False
    assert await known.get("a") == "a2"


async def test_what_is_forgotten_is_read_again() -> None:
    known = Lately(Source())
    assert await known.get("a") == "a1"
    known.forget("a")
    known.forget("never seen")
    assert await known.get("a") == "a2"


async def test_the_oldest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately, "_MOST", 2)
    source = Source()
    known = Lately(source)
    for key in ("a", "b", "c", "b", "c"):
        await known.get(key)
    assert source.read == 3
    await known.get("a")
    assert source.read == 4
