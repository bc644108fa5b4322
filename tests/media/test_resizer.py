"""The processes that make pictures smaller: bounded, replaceable, and without secrets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from duetdb.app.service.errors import Unavailable
from duetdb.app.service.media import resizer as resizer_module
from duetdb.app.service.media.resizer import Job, Resizer
from tests.media.test_sizes import encoded, picture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

MEMORY = 1 << 30
SMALL = picture(300, 200)
JOB = Job(len(SMALL), 128, "", 1_000_000)


async def whole(content: bytes = SMALL) -> AsyncIterator[bytes]:
    yield content


async def never() -> AsyncIterator[bytes]:
    yield SMALL[:100]
    await asyncio.sleep(60)


def processes(of: int | None = None) -> list[int]:
    """The ids of the processes that make pictures smaller for a process, or for this one."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            line = (each / "cmdline").read_bytes()
            parent = (each / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):  # it is no process, or not any more
            continue
        if b"media.shrink" in line and int(parent) == (of or os.getpid()):
            found.append(int(each.name))
    return found


def told_of(process: int, what: str) -> bytes:
    return Path(f"/proc/{process}/{what}").read_bytes()


async def test_a_process_is_kept_and_ends_with_the_resizer() -> None:
    resizer = Resizer(2, 10, 20, MEMORY)
    for _ in range(3):
        made = await resizer.smaller(JOB, whole())
        assert made is not None and made[1] == "image/jpeg"
    assert len(processes()) == 1
    await resizer.stop()
    assert processes() == []


async def test_a_process_that_nobody_needs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resizer_module, "_IDLE", 0.05)
    resizer = Resizer(1, 0, 20, MEMORY)
    assert await resizer.smaller(JOB, whole()) is not None
    await asyncio.sleep(0.5)
    assert processes() == []
    assert await resizer.smaller(JOB, whole()) is not None
    await resizer.stop()


async def test_no_more_run_than_may() -> None:
    resizer = Resizer(2, 20, 20, MEMORY)
    made = await asyncio.gather(*(resizer.smaller(JOB, whole()) for _ in range(20)))
    assert None not in made
    assert 1 <= len(processes()) <= 2
    await resizer.stop()


async def test_what_kills_its_process_hurts_nobody_else() -> None:
    async def deadly() -> AsyncIterator[bytes]:
        yield SMALL[:100]
        for each in processes():
            os.kill(each, 9)
        await asyncio.sleep(0.1)
        yield SMALL[100:]

    resizer = Resizer(1, 10, 20, MEMORY)
    assert await resizer.smaller(JOB, deadly()) is None
    assert processes() == []
    assert await resizer.smaller(JOB, whole()) is not None
    await resizer.stop()


async def test_a_process_that_died_with_nothing_to_do_is_no_fault_of_the_next_picture() -> None:
    resizer = Resizer(1, 10, 20, MEMORY)
    assert await resizer.smaller(JOB, whole()) is not None
    [process] = processes()
    os.kill(process, 9)
    await asyncio.sleep(0.1)
    assert await resizer.smaller(JOB, whole()) is not None
    [other] = processes()
    assert other != process
    await resizer.stop()


async def test_what_takes_too_long_is_given_up() -> None:
    resizer = Resizer(1, 10, 0.01, MEMORY)
    assert await resizer.smaller(JOB, whole()) is None  # a process takes longer to start
    assert processes() == []
    await resizer.stop()


async def test_a_store_that_is_slow_makes_no_picture_a_bad_one() -> None:
    resizer = Resizer(1, 10, 0.5, MEMORY)
    with pytest.raises(Unavailable, match="read in time"):
        await resizer.smaller(JOB, never())
    assert processes() == []
    await resizer.stop()


async def test_who_leaves_takes_the_process_along() -> None:
    resizer = Resizer(1, 0, 20, MEMORY)
    working = asyncio.create_task(resizer.smaller(JOB, never()))
    await asyncio.sleep(0.5)
    with pytest.raises(Unavailable):
        await resizer.smaller(JOB, whole())
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert processes() == []
    assert await resizer.smaller(JOB, whole()) is not None
    await resizer.stop()


async def test_an_error_of_the_store_is_told_and_leaves_nothing() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield SMALL[:100]
        raise Unavailable("gone")

    resizer = Resizer(1, 0, 20, MEMORY)
    with pytest.raises(Unavailable, match="gone"):
        await resizer.smaller(JOB, broken())
    assert processes() == []
    await resizer.stop()


async def test_a_process_has_none_of_the_secrets_and_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DUETDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "MONGODB_PASSWORD"):
        monkeypatch.setenv(name, "a secret of the server")
    resizer = Resizer(1, 0, 20, MEMORY)
    assert await resizer.smaller(JOB, whole()) is not None
    [process] = processes()
    assert b"a secret" not in told_of(process, "environ")
    limits = told_of(process, "limits").decode().splitlines()
    [memory] = [each.split() for each in limits if each.startswith("Max data size")]
    assert memory[3:5] == [str(MEMORY)] * 2
    await resizer.stop()


async def test_what_needs_more_memory_than_there_is_fails_alone() -> None:
    content = encoded(Image.new("P", (25_000, 25_000)), "PNG")
    resizer = Resizer(1, 0, 20, 400_000_000)
    bomb = Job(len(content), 128, "", 10**12)
    assert await resizer.smaller(bomb, whole(content)) is None
    assert await resizer.smaller(JOB, whole()) is not None
    await resizer.stop()


_SERVER = """
import asyncio, sys
from duetdb.app.service.media.resizer import Job, Resizer
from tests.media.test_resizer import JOB, MEMORY, never, whole

async def main():
    resizer = Resizer(2, 10, 60, MEMORY)
    idle = asyncio.create_task(resizer.smaller(JOB, never()))
    await resizer.smaller(JOB, whole())
    print("made", flush=True)
    await idle

asyncio.run(main())
"""


def test_processes_end_with_a_server_that_is_killed() -> None:
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=in_checkout()) as server:
        assert server.stdout is not None and server.stdout.readline() == b"made\n"
        started = processes(server.pid)
        assert len(started) == 2
        server.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{each}").exists() for each in started):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def in_checkout() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
