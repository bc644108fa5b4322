"""A response that is ready when it is made: bytes, a status and a few headers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

_JSON = (b"content-type", b"application/json; charset=utf-8")
_NO_STORE = (b"cache-control", b"no-store")


class JsonBytes:
    """An ASGI application that sends already encoded JSON.

    Starlette's own response encodes header by header and keeps a mutable
    header object; on the hot path that is most of what our code would cost.
    """

    __slots__ = ("content", "headers", "status_code")

    def __init__(
        self,
        content: bytes,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.content = content
        self.status_code = status_code
        self.headers: list[tuple[bytes, bytes]] = [
            _JSON,
            _NO_STORE,
            (b"content-length", b"%d" % len(content)),
        ]
        if headers:
            for name, value in headers.items():
                self.set(name, value)

    def set(self, name: str, value: str) -> None:
        """Sets one header, in place of one of the same name."""
        key = name.lower().encode("latin-1")
        self.headers = [h for h in self.headers if h[0] != key]
        self.headers.append((key, value.encode("latin-1", "replace")))

    def replace(self, content: bytes, headers: Mapping[str, str]) -> None:
        """Puts another body in its place; ``headers`` say what it is."""
        self.content = content
        self.set("content-length", str(len(content)))
        for name, value in headers.items():
            self.set(name, value)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.headers,
            }
        )
        body = b"" if scope["method"] == "HEAD" else self.content
        await send({"type": "http.response.body", "body": body})
