"""Uploads as bytes on a socket, and a server with small limits that takes them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from tests.processes import KEY

KIND = "multipart/form-data; boundary=b"


def part(disposition: bytes | str, content: bytes = b"text", *headers: bytes) -> bytes:
    """One part of a body whose boundary is ``b``."""
    if isinstance(disposition, str):
        disposition = disposition.encode()
    head = b"\r\n".join((b"Content-Disposition: form-data; " + disposition, *headers))
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


LAST = b"--b--\r\n"


@dataclass(frozen=True, slots=True)
class Wire:
    """A server's port, and its database to see what is left in it."""

    port: int
    database: Database[dict[str, Any]]

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as opened:
            yield opened

    def head(self, kind: str | None, length: int | None) -> bytes:
        """A request for an upload; without a length its body is chunked."""
        lines = ["POST /media HTTP/1.1", "Host: duetdb", f"x-apikey: {KEY}"]
        lines += [] if kind is None else [f"Content-Type: {kind}"]
        sized = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
        return "\r\n".join([*lines, sized, "", ""]).encode()

    def post(self, body: bytes, kind: str | None = KIND) -> tuple[int, Any]:
        """Status and body of the answer to an upload that is sent whole."""
        with self.connection() as client:
            client.sendall(self.head(kind, len(body)) + body)
            return answer(client)

    def names(self) -> list[str]:
        """Original names of the stored files, in the order in which they came."""
        found = self.database["_media.files"].find().sort("_id")
        return [each["metadata"]["origname"] for each in found]

    def clear(self) -> None:
        for name in ("files", "chunks", "uploads"):
            self.database[f"_media.{name}"].delete_many({})

    def left(self) -> dict[str, int]:
        """How many documents there are in each collection of the archive, empty ones aside."""
        names = ("files", "chunks", "uploads")
        counts = {name: self.database[f"_media.{name}"].count_documents({}) for name in names}
        return {name: count for name, count in counts.items() if count}


def answer(client: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the next answer."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(client)
    head = bytes(received[:end])
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None, head
    while len(received) < end + 4 + int(length[1]):
        received += _more(client)
    return int(head.split()[1]), json.loads(received[end + 4 :])


def _more(client: socket.socket) -> bytes:
    received = client.recv(65536)
    assert received, "the server has hung up"
    return received


@contextmanager
def wire_of(port: int, uri: str, database: str) -> Iterator[Wire]:
    with MongoClient[dict[str, Any]](uri) as client:
        yield Wire(port, client[database])
        client.drop_database(database)
