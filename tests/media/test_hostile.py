"""Hostile files, names and bodies: none of them is active, breaks a worker or costs much."""

from __future__ import annotations

import io
import os
import re
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import psutil
import pytest
from PIL import Image
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.media.bombs import bombs, broken, truncated
from tests.media.corpus import picture, polyglots, samples
from tests.processes import HEADERS, ServerProcess, serving

SHOWN: Final = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}
"""Types of what may be shown in place; all others are downloads."""
TAKEN_IN: Final = re.compile(
    "script|css|html|/xml|xsl|[+]xml|svg|wasm|flash|multipart|rfc822", re.IGNORECASE
)
"""What stands in the types that a page can take in as a script, a style or a page of its own."""
MOST_MEMORY: Final = 150 * 2**20
"""Bytes that the server may hold more than before, at its peak."""
MOST_SECONDS: Final = 20.0
WIDTHS: Final = {"t": 128, "w": 640}


@dataclass(frozen=True, slots=True)
class Archive:
    """A running server, its one worker and a client that has the full-access key."""

    server: ServerProcess
    client: httpx.Client

    def post(self, *files: tuple[str, bytes, str]) -> list[str]:
        sent = self.client.post("/media", files=[("any", each) for each in files])
        assert sent.status_code == 201, sent.text
        return list(sent.json()["ids"])

    def send(self, body: bytes, boundary: str = "b") -> httpx.Response:
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return self.client.post("/media", content=body, headers=kind)


@pytest.fixture(scope="module")
def archive(mongod: EmbeddedMongod) -> Iterator[Archive]:
    """A server that still runs at the end, under the same id, and has not grown."""
    database = f"test_{uuid4().hex[:12]}"
    flags = ("--mongodb-uri", mongod.uri, "--database", database)
    environment = {"DUETDB_RATE_KEY": "0", "DUETDB_MEDIA_RESIZE_SECONDS": "3"}
    with serving(*flags, environment=environment) as server:
        pid, before = server.pid, peak(server.pid)
        with httpx.Client(
            base_url=server.url, headers=HEADERS, timeout=MOST_SECONDS, trust_env=False
        ) as client:
            yield Archive(server, client)
            assert client.get("/media").status_code == 200
        assert server.running() and server.pid == pid
        assert peak(pid) - before < MOST_MEMORY
        assert "Traceback" not in server.logged
    with MongoClient[dict[str, Any]](mongod.uri) as mongo:
        mongo.drop_database(database)


def peak(pid: int) -> int:
    """Bytes that the process held at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [each for each in lines if each.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def check_harmless(answer: httpx.Response) -> None:
    """No browser runs anything in the answer, whatever is in it."""
    headers, kind = answer.headers, answer.headers["content-type"]
    assert answer.status_code == 200
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"].split(";")
    assert {each.strip() for each in policy} == {"sandbox", "default-src 'none'"}
    if kind in SHOWN:
        assert headers["content-disposition"].startswith("inline")
    else:
        assert headers["content-disposition"].startswith("attachment")
        assert not TAKEN_IN.search(kind)
    for name in ("set-cookie", "refresh", "link", "location", "service-worker-allowed"):
        assert name not in headers


def test_no_type_and_no_name_makes_a_file_active(archive: Archive) -> None:
    every = list(samples())
    ids = []
    for start in range(0, len(every), 90):
        some = every[start : start + 90]
        ids += archive.post(*((each.name, each.content, each.declared) for each in some))
    for sample, id_ in zip(every, ids, strict=True):
        answer = archive.client.get(f"/media/{id_}")
        check_harmless(answer)
        assert answer.content == sample.content
        shown = answer.headers["content-type"] in SHOWN
        assert shown == (sample.label in polyglots()), (sample.label, answer.headers)


def test_no_size_of_a_polyglot_is_one(archive: Archive) -> None:
    every = polyglots()
    ids = archive.post(*((f"{label}.html", each, "text/html") for label, each in every.items()))
    for id_ in ids:
        for size in WIDTHS:
            answer = archive.client.get(f"/media/{id_}", params={"s": size})
            check_harmless(answer)
            assert b"RAN" not in answer.content and b"<?php" not in answer.content
            with Image.open(io.BytesIO(answer.content)) as made:
                assert made.format in ("PNG", "JPEG") and made.width <= WIDTHS[size]


def check_sizes(archive: Archive, files: Mapping[str, bytes]) -> None:
    """Each is stored, comes back as it is, and has sizes or stands in for them."""
    items = list(files.items())
    for start in range(0, len(items), 50):
        some = items[start : start + 50]
        ids = archive.post(*((f"{label}.png", each, "image/png") for label, each in some))
        for (label, content), id_ in zip(some, ids, strict=True):
            original = archive.client.get(f"/media/{id_}")
            check_harmless(original)
            assert original.content == content
            assert archive.client.get(f"/media/{id_}/meta").json()[0]["filesize"] == len(content)
            for size in WIDTHS:
                check_size(archive, id_, size, original, label)


def check_size(archive: Archive, id_: str, size: str, original: httpx.Response, label: str) -> None:
    begun = time.monotonic()
    answer = archive.client.get(f"/media/{id_}", params={"s": size})
    assert time.monotonic() - begun < MOST_SECONDS, label
    check_harmless(answer)
    if answer.content == original.content:
        assert answer.headers["content-type"] == original.headers["content-type"], label
        return
    with Image.open(io.BytesIO(answer.content)) as made:
        made.load()
        assert made.width <= WIDTHS[size] and not made.getexif(), label
        assert made.get_format_mimetype() == answer.headers["content-type"], label


def test_bombs_do_not_go_off(archive: Archive) -> None:
    check_sizes(archive, bombs())


def test_bombs_at_once_do_not_go_off(archive: Archive) -> None:
    one = bombs()["png-9000"]
    for _ in range(5):
        archive.post(*(("x.png", one, "image/png") for _ in range(20)))


@pytest.mark.parametrize("files", [truncated, broken])
def test_broken_pictures_have_defined_sizes(archive: Archive, files: Any) -> None:
    check_sizes(archive, dict(files()))


def test_what_decoders_leave_is_not_much(archive: Archive) -> None:
    """The processes that decode are few and bounded, and one that takes too long is gone."""
    check_sizes(archive, {"jpeg-scans": bombs()["jpeg-scans"], "good": picture("PNG")})
    children = psutil.Process(archive.server.pid).children(recursive=True)
    assert len(children) <= 2
    assert sum(each.memory_info().rss for each in children) < 500 * 2**20


NAMES: Final[Mapping[str, tuple[bytes, str | None]]] = {
    "up": (b"../../x", "x"),
    "windows": (rb"C:\\x\\y.png", "y.png"),
    "absolute": (b"/etc/passwd", "passwd"),
    "nul": (b"x\0y.png", "xy.png"),
    "turned": ("x\u202egnp.exe".encode(), "xgnp.exe"),
    "isolated": ("x\u2066\u2069\u200f.png".encode(), "x.png"),
    "lines": ("a\u2028b\u2029c.png".encode(), "abc.png"),
    "blank": (b"   ", "file"),
    "dots": (b"...", "file"),
    "slash": (b"a/", "file"),
    "quoted": (rb"a\"b.png", 'a"b.png'),
    "percent": (b"a%0d%0aset-cookie: a=b", None),
    "percent-quote": (b"a%22; filename=b.html", None),
    "apostrophe": (b"a'b''c.png", "a'b''c.png"),
    "semicolon": (b"a;b=c.png", "a;b=c.png"),
    "tag": (b"<script>alert(1)<!script>", None),
    "noise": (bytes(range(128, 256)), None),
    "surrogate": (b"\xed\xa0\x80.png", None),
    "combined": (b"a" + "\u0301".encode() * 300, None),
    "meta": (b"meta", "meta"),
    "dollar": (b"$where.$ne", "$where.$ne"),
    "device": (b"CON", "CON"),
    "id": (b"0" * 24, "0" * 24),
}
"""Names as they are sent, and what is kept of them where it is not evident that it may differ."""


@pytest.mark.parametrize("label", NAMES)
def test_a_name_is_a_name_only(archive: Archive, label: str) -> None:
    sent, kept = NAMES[label]
    [id_] = archive.send(body(part(sent, b"<script>x</script>"))).json()["ids"]
    name = check_name(archive, id_)
    assert kept is None or name == kept


def test_a_name_of_10000_characters_is_cut_or_refused(archive: Archive) -> None:
    answer = archive.send(body(part(b"a/" * 5_000 + b"x" * 10_000, b"x")))
    assert answer.status_code in (201, 400, 413)
    if answer.status_code == 201:
        check_name(archive, answer.json()["ids"][0])


@pytest.mark.parametrize("name", [b"a\r\nset-cookie: a=b", b"a\nb", b"a\rb"])
def test_a_line_end_in_a_name_starts_no_header(archive: Archive, name: bytes) -> None:
    answer = archive.send(body(part(name, b"x")))
    assert answer.status_code in (201, 400)
    if answer.status_code == 201:
        check_name(archive, answer.json()["ids"][0])


def check_name(archive: Archive, id_: str) -> str:
    """The name that is kept, which is harmless in metadata, in a header and on a disk."""
    [meta] = archive.client.get(f"/media/{id_}/meta").json()
    name = str(meta["origname"])
    assert 0 < len(name) <= 150 and not set(name) & set("/\\")
    kinds = {unicodedata.category(each) for each in name}
    assert not [each for each in kinds if each[0] == "C" or each in ("Zl", "Zp")]
    answer = archive.client.get(f"/media/{id_}", params={"download": "true"})
    check_harmless(answer)
    [header] = answer.headers.get_list("content-disposition")
    assert header.startswith("attachment; ") and header.isascii() and header.count('"') == 2
    return name


def part(name: bytes, content: bytes, kind: bytes = b"image/png") -> bytes:
    head = b'Content-Disposition: form-data; name="a"; filename="%s"\r\nContent-Type: %s\r\n\r\n'
    return b"--b\r\n" + head % (name, kind) + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


FIELD: Final = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
FILE: Final = part(b"x", b"x")
BODIES: Final[Mapping[str, tuple[bytes, Sequence[int]]]] = {
    "fields": (body(*[FIELD] * 10_000), (400, 413)),
    "fields and a file": (body(*[FIELD] * 10_000, FILE), (201, 400, 413)),
    "files": (body(*[FILE] * 10_000), (413,)),
    "headers": (body(b"--b\r\n" + b"a: b\r\n" * 1_000_000 + b"\r\nx\r\n"), (400, 413)),
    "header name": (body(b"--b\r\n" + b"a" * 5_000_000 + b": b\r\n\r\nx\r\n"), (400, 413)),
    "header value": (body(b"--b\r\na: " + b"a" * 5_000_000 + b"\r\n\r\nx\r\n"), (400, 413)),
    "options": (
        body(b"--b\r\nContent-Disposition: form-data" + b"; a=b" * 100_000 + b"\r\n\r\nx\r\n"),
        (400, 413),
    ),
    "before": (b"x" * 5_000_000 + b"\r\n" + body(FILE), (201, 400)),
    "after": (body(FILE) + b"x" * 5_000_000, (201, 400)),
    "boundaries": (b"--b\r\n" * 500_000, (400, 413)),
    "nearly boundaries": (body(part(b"x", b"\r\n--" * 1_000_000)), (201, 400)),
    "nested": (body(part(b"x", body(FILE), b"multipart/mixed; boundary=b")), (201, 400)),
    "no name": (body(part(b"", b"x")), (201, 400)),
    "two names": (body(part(b'a"; filename="b', b"x")), (201, 400)),
    "type": (body(part(b"x", b"x", b"x" * 100_000)), (201, 400, 413)),
    "type injected": (body(part(b"x", b"x", b"text/html\x00\x0b;a=\xff")), (201, 400)),
    "encoded": (body(part(b"x", b"x", b"a/b\r\nContent-Transfer-Encoding: x")), (201, 400)),
    "other length": (body(part(b"x", b"x", b"a/b\r\nContent-Length: 999999999")), (201, 400)),
}
"""Bodies, and the statuses that are an answer to them."""


@pytest.mark.parametrize("label", BODIES)
def test_a_body_that_is_a_bomb_is_answered(archive: Archive, label: str) -> None:
    content, statuses = BODIES[label]
    begun = time.monotonic()
    answer = archive.send(content)
    assert answer.status_code in statuses, answer.text
    assert time.monotonic() - begun < MOST_SECONDS
    if answer.status_code != 201:
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("boundary", ["b" * 5_000, "", '""', "\xff", "b; charset=x", "'"])
def test_a_strange_boundary_is_answered(archive: Archive, boundary: str) -> None:
    kind = {b"content-type": b"multipart/form-data; boundary=" + boundary.encode("latin-1")}
    answer = archive.client.post("/media", content=os.urandom(1_000), headers=kind)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
