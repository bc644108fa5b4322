"""A store that is away is 503 and never half a file; a worker that dies leaves nothing for long."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.media.loose import sweep
from duetdb.app.service.media.stores import store_of
from duetdb.app.settings import Settings
from tests.conftest import make_settings, running_server
from tests.media.s3_server import S3Server, s3_server
from tests.media.test_upload_sockets import soon
from tests.media.wire import KIND, Wire, part
from tests.processes import HEADERS, ServerProcess

DATA = os.urandom(3_000_000)
AWAY = {
    "name": "Unavailable",
    "message": "The store of files cannot be reached just now.",
    "status": 503,
    "hint": "Try again in a moment.",
}


@pytest.fixture
def away() -> Iterator[S3Server]:
    """A server of the test's own, to be killed."""
    with s3_server() as server:
        yield server


@pytest.fixture
def settings(mongod: EmbeddedMongod, away: S3Server) -> Settings:
    return make_settings(mongod.uri, **away.flags)


async def counts(engine: Engine) -> tuple[int, int]:
    """How many files there are, and lists of what no file stands for."""
    files = await engine.database["_media.files"].count_documents({})
    return files, await engine.database["_media.uploads"].count_documents({})


async def test_a_store_that_is_away_is_503(
    app_client: httpx.AsyncClient, engine: Engine, away: S3Server, settings: Settings
) -> None:
    [id_] = (await app_client.post("/media", files={"f": ("a", DATA)})).json()["ids"]
    away.kill()
    for answer in (
        await app_client.post("/media", files={"f": ("b", DATA)}),
        await app_client.get(f"/media/{id_}"),
        await app_client.put(f"/media/{id_}?replace=true", files={"f": ("c", DATA)}),
    ):
        assert (answer.status_code, answer.json()) == (503, AWAY)
        assert answer.headers["retry-after"] == "5"
    assert (await app_client.get(f"/media/{id_}/meta")).status_code == 200
    assert (await app_client.delete(f"/media/{id_}")).status_code == 200
    assert await counts(engine) == (0, 3)
    away.start()
    await sweep(engine, store_of(engine, settings.media()), timedelta(minutes=-1))
    assert await counts(engine) == (0, 0)
    assert (await app_client.post("/media", files={"f": ("d", DATA)})).status_code == 201


async def test_a_store_that_dies_in_the_middle_has_no_half_of_a_file(
    app_client: httpx.AsyncClient, engine: Engine, away: S3Server
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield part('filename="whole"', b"a")
        yield part('filename="half"', DATA)[:-2]
        assert away.objects(engine.database.name)
        away.kill()
        yield DATA
        yield b"\r\n--b--\r\n"

    answer = await app_client.post("/media", content=body(), headers={"content-type": KIND})
    assert (answer.status_code, answer.json()) == (503, AWAY)
    assert await counts(engine) == (0, 1)


def test_a_download_from_a_store_that_dies_is_cut_off(away: S3Server, settings: Settings) -> None:
    large = DATA * 10
    with running_server(settings) as server, httpx.Client(headers=server.headers) as client:
        [id_] = client.post(f"{server.url}/media", files={"f": ("a", large)}).json()["ids"]
        got = 0
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: SIM117
            with client.stream("GET", f"{server.url}/media/{id_}") as answer:
                assert answer.status_code == 200
                for piece in answer.iter_raw(65536):
                    away.kill()
                    got += len(piece)
        assert 0 < got < len(large)
    with MongoClient[Any](settings.mongodb_uri) as direct:
        direct.drop_database(settings.database)


@pytest.mark.parametrize("store", ["gridfs", "s3"])
def test_what_a_killed_worker_was_given_is_swept_by_the_next(
    mongod: EmbeddedMongod, s3: S3Server, store: str
) -> None:
    settings = make_settings(mongod.uri, **(s3.flags if store == "s3" else {}))
    server = ServerProcess(environment=settings.to_environment())
    server.start()
    with MongoClient[Any](settings.mongodb_uri) as direct:
        wire = Wire(server.port, direct[settings.database])

        def chunks() -> int:
            return wire.left().get("chunks", 0) + len(s3.objects(settings.database))

        try:
            with wire.connection() as client:
                client.sendall(wire.head(KIND, 5_000_000) + part('filename="a"', DATA)[:-2])
                soon(lambda: chunks() >= 2)
                server.kill()
            assert chunks() >= 2
            uploads = wire.database["_media.uploads"]
            [listed] = uploads.find()
            long_ago = {"touched": listed["touched"] - timedelta(minutes=11)}
            server.start()
            assert chunks() >= 2  # it may still be alive
            server.stop()
            uploads.update_one({"_id": listed["_id"]}, {"$set": long_ago})
            server.start()
            soon(lambda: not wire.left() and not s3.objects(settings.database))
            with httpx.Client(headers=HEADERS) as client:
                assert client.get(f"{server.url}/media").json() == []
        finally:
            server.stop()
            direct.drop_database(settings.database)
