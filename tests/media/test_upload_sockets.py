"""Uploads on a socket: whole files come in, and what is no upload is 4xx and leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings, running_server
from tests.media.wire import KIND, LAST, Wire, answer, part, wire_of

SETTINGS = {
    "media_files": 3,
    "media_file_bytes": 1_000_000,
    "media_upload_bytes": 1_500_000,
    "media_uploads": 1,
    "body_seconds": 2,
}


@pytest.fixture(scope="module")
def server(mongod: EmbeddedMongod) -> Iterator[Wire]:
    """A server that takes three files of 1 MB, 1.5 MB together, one chunk at a time."""
    settings = make_settings(mongod.uri, **SETTINGS)
    with running_server(settings) as running:
        port = int(running.url.rpartition(":")[2])
        with wire_of(port, mongod.uri, settings.database) as wire:
            yield wire


@pytest.fixture
def wire(server: Wire) -> Iterator[Wire]:
    yield server
    server.clear()


def soon(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Returns when it holds, which it must do soon."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="a"; filename="a b.txt"', "a b.txt"),
        ("name=a; filename=plain.txt", "plain.txt"),
        ('filename="no name.txt"', "no name.txt"),
        ('name="a"; filename="grün.txt"', "grün.txt"),
        (b'name="a"; filename="gr\xfcn.txt"', "grün.txt"),
        ("name=a; filename*=UTF-8''gr%C3%BCn%20%E2%82%AC.txt", "grün €.txt"),
        ("name=a; filename*=iso-8859-1'de'gr%FCn.txt", "grün.txt"),
        ("name=a; filename=\"old.txt\"; filename*=UTF-8''n%C3%A9w.txt", "néw.txt"),
        ("name=a; filename*=UTF-8''n%C3%A9w.txt; filename=\"old.txt\"", "néw.txt"),
        ('name=a; filename*1="cd.txt"; filename*0="ab"', "abcd.txt"),
        ("name=a; filename*0*=UTF-8''gr%C3%BC; filename*1=\"n.txt\"", "grün.txt"),
        ("name=a; filename*=x-unknown'en'%41.txt", "A.txt"),
        ("name=a; filename*=nonsense", "nonsense"),
        ('name="x; filename*=UTF-8\'\'no.txt"; filename="yes.txt"', "yes.txt"),
        ('name="a"; filename="semi;colon.txt"', "semi;colon.txt"),
        ('name="a"; filename="quo\\"te.txt"', 'quo"te.txt'),
        ('name="a"; filename="C:\\dir\\file.txt"', "file.txt"),
        ("name=a; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("name=a; filename*=UTF-8''a%00%0d%0ab.txt", "ab.txt"),
        ('name="a"; filename="..."', "file"),
    ],
)
def test_names_are_read_in_each_way_of_writing_them(
    wire: Wire, disposition: str | bytes, name: str
) -> None:
    status, body = wire.post(part(disposition) + LAST)
    assert (status, body["msg"], len(body["ids"])) == (201, "OK", 1)
    assert wire.names() == [name]


def test_files_come_in_order_among_fields(wire: Wire) -> None:
    status, body = wire.post(
        part('name="title"', b"a title")
        + part('name="f"; filename="one"', b"1")
        + part('name="f"; filename="one"', b"2")
        + part('name="empty"; filename="none"', b"")
        + LAST
    )
    assert status == 201
    files = list(wire.database["_media.files"].find().sort("_id"))
    assert [str(each["_id"]) for each in files] == body["ids"]
    assert [each["length"] for each in files] == [1, 1, 0]
    assert wire.left() == {"files": 3, "chunks": 2}


def test_a_file_that_nobody_chose_is_none(wire: Wire) -> None:
    nothing = part('name="f"; filename=""', b"", b"Content-Type: application/octet-stream")
    assert wire.post(nothing + LAST)[0] == 400
    assert wire.post(nothing + part('name="f"; filename="a"') + LAST)[0] == 201
    assert wire.post(part('name="f"; filename=""', b"content") + LAST)[0] == 201
    assert wire.names() == ["a", "file"]


def test_a_body_in_odd_pieces_is_the_same(wire: Wire) -> None:
    content = bytes(range(256)) * 3000 + b"\r\n--b-\r\n--"
    body = b"\r\n" + part('name="f"; filename="a"', content) + LAST + b"epilogue"
    with wire.connection() as client:
        client.sendall(wire.head(KIND, None))
        for at in range(0, len(body), 7919):
            piece = body[at : at + 7919]
            client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        client.sendall(b"0\r\n\r\n")
        assert answer(client)[0] == 201
    chunks = wire.database["_media.chunks"].find().sort("n")
    assert b"".join(each["data"] for each in chunks) == content


FILE = part('name="f"; filename="a"', b"x" * 600_000)
REFUSED = {
    "nothing": (KIND, b"", 400),
    "nonsense": (KIND, b"nonsense", 400),
    "a preamble": (KIND, b"preamble\r\n" + FILE + LAST, 400),
    "only the end": (KIND, LAST, 400),
    "no end": (KIND, FILE, 400),
    "another boundary": ("multipart/form-data; boundary=c", FILE + LAST, 400),
    "no boundary": ("multipart/form-data", FILE + LAST, 400),
    "empty boundary": ("multipart/form-data; boundary=", FILE + LAST, 400),
    "long boundary": (f"multipart/form-data; boundary={'b' * 201}", FILE + LAST, 400),
    "no file": (KIND, part('name="a"') + LAST, 400),
    "no disposition": (KIND, b"--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n" + LAST, 400),
    "no headers": (KIND, b"--b\r\n\r\ntext\r\n" + LAST, 400),
    "header without colon": (KIND, FILE + b"--b\r\nnonsense\r\n\r\ntext\r\n" + LAST, 400),
    "header with odd name": (KIND, FILE + b"--b\r\nX Y: a\r\n\r\ntext\r\n" + LAST, 400),
    "long header": (KIND, FILE + part("name=a; x=" + "x" * 9000) + LAST, 400),
    "many headers": (KIND, FILE + part("name=a", b"", *[b"X: a"] * 100) + LAST, 400),
    "endless headers": (KIND, FILE + b"--b\r\n" + b"X-A: a\r\n" * 50_000, 400),
    "endless header": (KIND, FILE + b"--b\r\nX-A: " + b"a" * 500_000, 400),
    "base64": (KIND, FILE + part("filename=a", b"YQ==", b"Content-Transfer-Encoding: base64"), 400),
    "nested": (
        KIND,
        FILE + part("name=files", b"--c\r\n", b"Content-Type: multipart/mixed; boundary=c") + LAST,
        400,
    ),
    "many fields": (KIND, FILE + part("name=a") * 1001 + LAST, 413),
    "json": ("application/json", b"{}", 415),
    "a form": ("application/x-www-form-urlencoded", b"a=b", 415),
    "mixed": ("multipart/mixed; boundary=b", FILE + LAST, 415),
    "no type": (None, FILE + LAST, 415),
    "many files": (KIND, part('filename="a"', b"") * 4 + LAST, 413),
    "a large file": (KIND, part('filename="a"', b"x" * 1_000_001) + LAST, 413),
    "large files": (KIND, FILE * 2 + part('filename="a"', b"x" * 300_001) + LAST, 413),
}


@pytest.mark.parametrize(("kind", "body", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_upload_leaves_nothing(
    wire: Wire, kind: str | None, body: bytes, status: int
) -> None:
    found, envelope = wire.post(body, kind)
    assert (found, envelope["status"]) == (status, status)
    assert envelope["message"].endswith(".")
    soon(lambda: wire.left() == {})
