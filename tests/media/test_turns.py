"""Uploads take turns, and there is an end to how many of them a worker has under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.media.beginning import Beginning
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.media.corpus import picture, segment

HEADERS: Final = {"content-type": "multipart/form-data; boundary=b"}
HEAD: Final = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
LAST: Final = b"\r\n--b--\r\n"


@pytest.fixture
def settings(mongod: EmbeddedMongod) -> Settings:
    return make_settings(mongod.uri, media_open=1)


async def test_one_upload_too_many_may_come_again(app_client: httpx.AsyncClient) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield HEAD
        begun.set()
        await go.wait()
        yield LAST

    async def send() -> httpx.Response:
        return await app_client.post("/media", content=HEAD + LAST, headers=HEADERS)

    first = asyncio.create_task(app_client.post("/media", content=slow(), headers=HEADERS))
    await begun.wait()
    refused = await send()
    assert (refused.status_code, refused.json()["status"]) == (503, 503)
    assert refused.headers["retry-after"] == "2"
    go.set()
    assert (await first).status_code == 201
    assert (await send()).status_code == 201
    assert (await app_client.post("/media", content=HEAD, headers=HEADERS)).status_code == 400
    assert (await send()).status_code == 201


def photograph(before: int) -> bytes:
    """A JPEG with so many bytes of other segments before its size."""
    jpeg = picture("JPEG")
    return jpeg[:2] + segment(0xE4, b"\0" * 60_000) * (before // 60_000) + jpeg[2:]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (photograph(0), "image/jpeg"),
        (photograph(0) + b"\0" * 2_000_000, "image/jpeg"),
        (photograph(800_000), "image/jpeg"),
        (photograph(1_200_000), "text/plain"),
        (b"", "text/plain"),
        (b"x" * 2_000_000, "text/plain"),
    ],
    ids=["small", "large", "late", "too late", "empty", "text"],
)
@pytest.mark.parametrize("piece", [1_000, 65_536, 5_000_000])
async def test_a_kind_is_known_by_the_first_megabyte(content: bytes, kind: str, piece: int) -> None:
    beginning = Beginning("text/plain")
    for start in range(0, len(content), piece):
        await beginning.write(content[start : start + piece])
    assert (await beginning.kind()).mediatype == kind
