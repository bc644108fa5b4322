"""Large and many uploads against a server in a process of its own, and what they cost it."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import random
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from PIL import Image

MEGABYTE: Final = 1 << 20
PATIENCE: Final = 600.0
"""Seconds that a client waits for an answer while others are served."""

_HEAD: Final = (
    b'--b\r\nContent-Disposition: form-data; name="a"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n"
)
_TAIL: Final = b"\r\n--b--\r\n"


class Resident:
    """The resident memory of a process, in bytes, from now on (Linux)."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        (self._process / "clear_refs").write_text("5")  # the peak begins anew
        self.before = self.now()

    def now(self) -> int:
        return self._value("VmRSS")

    def grown(self) -> int:
        """By how much the peak is over what there was at first."""
        return self._value("VmHWM") - self.before

    def _value(self, name: str) -> int:
        lines = (self._process / "status").read_text().splitlines()
        [line] = [each for each in lines if each.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024


def stream(megabytes: int) -> Iterator[bytes]:
    """Noise that is made as it is sent, no two megabytes of it alike."""
    block = random.Random(1).randbytes(MEGABYTE)
    for number in range(megabytes):
        yield struct.pack(">Q", number) + block[8:]


def noisy_picture() -> bytes:
    """A JPEG of about 5 MB."""
    made = io.BytesIO()
    noise = [Image.effect_noise((2900, 2200), 100) for _ in range(3)]
    Image.merge("RGB", noise).save(made, "JPEG", quality=85)
    return made.getvalue()


def numbered(picture: bytes, number: int) -> bytes:
    """The same JPEG with a comment that no other has."""
    comment = b"\xff\xfe" + struct.pack(">HQ", 10, number)
    return picture[:2] + comment + picture[2:]


class Client:
    """A client of the media archive on a loopback port, with a key."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = {"x-apikey": key}

    def upload(
        self, content: Iterable[bytes], length: int, seen: Callable[[int], None] = lambda _: None
    ) -> tuple[str, str]:
        """Sends one file of ``length`` bytes, and answers its id and hash.

        ``seen`` is called with the bytes that are sent so far. Raises ``OSError`` for an answer
        that is not 201.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.putrequest("POST", "/media")
        whole = str(len(_HEAD) + length + len(_TAIL))
        kind = "multipart/form-data; boundary=b"
        headers = {**self._headers, "content-type": kind, "content-length": whole}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(_HEAD)
        found, sent = hashlib.sha256(), 0
        for each in content:
            connection.send(each)
            found.update(each)
            sent += len(each)
            seen(sent)
        connection.send(_TAIL)
        [id_] = json.loads(_body(connection, 201))["ids"]
        connection.close()
        return str(id_), found.hexdigest()

    def download(self, id_: str, seen: Callable[[int], None] = lambda _: None) -> str:
        """Reads one file, and answers its hash; raises ``OSError``."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.request("GET", f"/media/{id_}")
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{answer.status} {answer.read()!r}")
        found, received = hashlib.sha256(), 0
        while some := answer.read(MEGABYTE):
            found.update(some)
            received += len(some)
            seen(received)
        connection.close()
        return found.hexdigest()

    def upload_at_once(self, pictures: Sequence[bytes]) -> list[tuple[str, str]]:
        """Sends all pictures at the same time, and answers their ids and hashes."""
        with ThreadPoolExecutor(len(pictures)) as pool:
            return list(pool.map(lambda each: self.upload([each], len(each)), pictures))

    def thumbnails_at_once(self, ids: Sequence[str]) -> int:
        """Asks for the thumbnails of all these pictures at once; answers how many came."""
        with ThreadPoolExecutor(len(ids)) as pool:
            return sum(pool.map(self._thumbnail, ids))

    def _thumbnail(self, id_: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.request("GET", f"/media/{id_}?s=t")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status == 200 and len(body) < MEGABYTE

    def remove(self, id_: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.request("DELETE", f"/media/{id_}", headers=self._headers)
        _body(connection, 200)
        connection.close()


def _body(connection: http.client.HTTPConnection, status: int) -> bytes:
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != status:
        raise OSError(f"{answer.status} {body!r}")
    return body
