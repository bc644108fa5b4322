"""One site in front of a server, whose pages are therefore of the same origin as its files."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

from tests.media.corpus import Sample

_PAGE: Final = b"<!doctype html><link rel=icon href=data:,><title>site</title>"
_OF_ONE_CONNECTION: Final = ("connection", "transfer-encoding", "keep-alive")


class Front(ThreadingHTTPServer):
    """Hands on what is below ``/media``, and serves ``samples`` below ``/naive``.

    There a sample has its place as its address, and is what its sender calls it.
    ``answered`` are the addresses that were.
    """

    block_on_close = False  # a browser keeps connections that it does not use

    def __init__(self, server: str, samples: Sequence[Sample]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = httpx.Client(base_url=server, trust_env=False)
        self.samples = samples
        self.answered: list[str] = []

    def handle_error(self, *_: Any) -> None:
        """A browser breaks off what it does not want to the end, which is no mistake."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/media/"):
            found = self.server.behind.get(self.path, headers={"accept": self.headers["accept"]})
            headers = [each for each in found.headers.items() if each[0] not in _OF_ONE_CONNECTION]
            self._answer(found.content, headers)
        elif place := re.match(r"/naive/(\d+)", self.path):
            sample = self.server.samples[int(place[1])]
            length = ("content-length", str(len(sample.content)))
            self._answer(sample.content, [("content-type", sample.declared), length])
        else:
            length = ("content-length", str(len(_PAGE)))
            self._answer(_PAGE, [("content-type", "text/html"), length])
        self.server.answered.append(self.path)

    def _answer(self, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's own words are enough."""


@contextmanager
def front(server: str, samples: Sequence[Sample]) -> Iterator[Front]:
    """A running front, stopped at the end."""
    with Front(server, samples) as serving, serving.behind:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield serving
        finally:
            serving.shutdown()
            thread.join()
