"""A few processes that make pictures smaller, so that no decoder runs where requests are served.

Measured with pictures of 12 megapixels: beside threads the event loop waits up to 17 ms, beside
processes 4, for as many pictures in a second. And a decoder that a hostile picture breaks takes
its own process with it, not the worker's. One costs 0.1 s to start and is kept for the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from duetdb.app.service.errors import Unavailable

_PROGRAM: Final = "duetdb.app.service.media.shrink"
_KEPT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "TMPDIR")
"""Variables that a process gets; no other, for there are secrets among those of a server."""
_IDLE: Final = 60.0
"""Seconds after which processes end that nobody needs."""
_MOST_BYTES: Final = 8 << 20
"""Bytes of a smaller picture: more than that is not small, and does not fit into a document."""
_RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Job:
    """What is wanted of a picture of ``length`` bytes; see ``shrink.smaller``."""

    length: int
    width: int
    form: str
    pixels: int

    def line(self) -> bytes:
        named = {"length": self.length, "width": self.width, "format": self.form}
        return json.dumps({**named, "pixels": self.pixels}).encode() + b"\n"


class Resizer:
    """At most ``at_once`` jobs run and ``waiting`` wait.

    Each may take ``seconds`` once the picture is there, which has as long to come, and ``memory``
    bytes, where the system can bound that.
    """

    def __init__(self, at_once: int, waiting: int, seconds: float, memory: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._seconds = seconds
        self._memory = memory
        self._idle: list[_Process] = []
        self._ending: asyncio.TimerHandle | None = None
        self._stopped = False

    async def smaller(self, job: Job, content: AsyncIterator[bytes]) -> tuple[bytes, str] | None:
        """The smaller picture and its media type; None for what no decoder comes to an end with.

        Raises ``Unavailable`` when too many wait, and what reading ``content`` raises.
        """
        if not self._room:
            raise Unavailable(
                "Too many pictures are being made smaller just now.", retry_after=_RETRY_SECONDS
            )
        self._room -= 1
        try:
            async with self._slots:
                return await self._done(job, content)
        finally:
            self._room += 1

    async def stop(self) -> None:
        """Ends the processes that are idle; those that work end with their job."""
        self._stopped = True
        if self._ending is not None:
            self._ending.cancel()
        self._end_idle()

    async def _done(self, job: Job, content: AsyncIterator[bytes]) -> tuple[bytes, str] | None:
        process = self._taken() or _started(self._memory)
        try:
            await self._send(process, job, content)
            async with asyncio.timeout(self._seconds):
                made = await process.answer()
        except (TimeoutError, BrokenPipeError, EOFError):
            process.kill()
            return None
        except BaseException:
            process.kill()  # it waits for the rest of a picture that does not come
            raise
        self._keep(process)
        return made

    async def _send(self, process: _Process, job: Job, content: AsyncIterator[bytes]) -> None:
        """Raises ``Unavailable`` when it takes too long, which is no fault of the picture."""
        try:
            async with asyncio.timeout(self._seconds):
                await process.take(job, content)
        except TimeoutError:
            reason = "The picture could not be read in time."
            raise Unavailable(reason, retry_after=_RETRY_SECONDS) from None

    def _taken(self) -> _Process | None:
        """One that is idle; those that died meanwhile, for want of memory perhaps, are none."""
        while self._idle:
            process = self._idle.pop()
            if process.lives():
                return process
            process.kill()
        return None

    def _keep(self, process: _Process) -> None:
        self._idle.append(process)
        if self._stopped:
            self._end_idle()
            return
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().call_later(_IDLE, self._end_idle)

    def _end_idle(self) -> None:
        while self._idle:
            self._idle.pop().kill()


def _started(memory: int) -> _Process:
    try:
        return _Process(memory)
    except OSError as error:
        reason = f"No process can be started: {error.strerror}."
        raise Unavailable(reason, retry_after=_RETRY_SECONDS) from None


class _Process:
    """One process; its pipes are read and written in threads, for they block."""

    def __init__(self, memory: int) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", _PROGRAM, str(memory), str(_MOST_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # what a terminal sends to the server is not for it
        )

    async def take(self, job: Job, content: AsyncIterator[bytes]) -> None:
        """Begins a job; raises ``BrokenPipeError`` when the process dies."""
        await asyncio.to_thread(self._write, job.line())
        async for piece in content:
            await asyncio.to_thread(self._write, piece)

    async def answer(self) -> tuple[bytes, str] | None:
        """What was made; raises ``BrokenPipeError`` or ``EOFError`` when the process dies."""
        return await asyncio.to_thread(self._answer)

    def lives(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """Ends it at once; who waits for its pipes sees them end."""
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            with suppress(OSError):  # what was not written yet is wanted by nobody
                assert pipe is not None
                pipe.close()

    def _write(self, data: bytes) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(data)

    def _answer(self) -> tuple[bytes, str] | None:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._popen.stdin.flush()
        line = self._popen.stdout.readline(200)
        if not line.endswith(b"\n"):
            raise EOFError
        head = json.loads(line)
        data = self._popen.stdout.read(head["length"])
        if len(data) < head["length"]:
            raise EOFError
        return (data, head["mediatype"]) if data else None


def _environment() -> Mapping[str, str]:
    """What the process needs to find the program and its libraries."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
