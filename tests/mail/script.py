"""A mail server that says what a test tells it to, stage by stage: hanging and hanging up too."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

HANG: Final = "hang"
CLOSE: Final = "close"
_USUAL: Final = {
    "BANNER": "220 ready",
    "EHLO": "250-ready\r\n250-PIPELINING\r\n250 SIZE 2000000",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "END": "250 taken",
    "RSET": "250 ok",
    "NOOP": "250 ok",
    "QUIT": "221 bye",
}


@dataclass
class Script:
    """``answers`` are said in turn at their stage, before what is usual; ``always`` each time."""

    port: int = 0
    answers: dict[str, list[str]] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    said: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, stage: str) -> str:
        waiting = self.answers.get(stage)
        if waiting:
            return waiting.pop(0)
        return self.always.get(stage) or _USUAL.get(stage, "502 what?")

    def wait(self, count: int, seconds: float = 15) -> list[bytes]:
        """The mails that were taken, as soon as there are so many."""
        until = time.monotonic() + seconds
        while len(self.mails) < count:
            assert time.monotonic() < until, f"{len(self.mails)} of {count} mails arrived"
            time.sleep(0.02)
        return self.mails


class _Handler(socketserver.StreamRequestHandler):
    script: Script

    def handle(self) -> None:
        self.script.connections += 1
        try:
            self._talk()
        except OSError:
            return

    def _talk(self) -> None:
        if not self._say("BANNER"):
            return
        while line := self.rfile.readline():
            command = line.decode("ascii").strip()
            self.script.said.append(command)
            stage = command.split()[0].upper()
            if not self._say(stage) or stage == "QUIT":
                return
            if stage == "DATA" and not self._take():
                return

    def _take(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        if not line:
            return False
        said = self._say("END", before=b"".join(lines))
        return bool(said)

    def _say(self, stage: str, before: bytes | None = None) -> bool:
        answer = self.script.answer(stage)
        if before is not None and answer[0] not in "45":
            self.script.mails.append(before)
        if answer == HANG:
            self.script.ended.wait(20)
            return False
        if answer == CLOSE:
            return False
        self.wfile.write(answer.encode("latin-1") + b"\r\n")
        return not answer.startswith("421")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """What a client does to a socket is no mistake of the test's."""


@contextmanager
def scripted(**always: str) -> Iterator[Script]:
    """A server for the time of a test; ``always`` is what it says at these stages."""
    script = Script(always=always)
    handler = type("Handler", (_Handler,), {"script": script})
    with _Server(("127.0.0.1", 0), handler) as server:
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield script
        finally:
            script.ended.set()
            server.shutdown()
            thread.join()
