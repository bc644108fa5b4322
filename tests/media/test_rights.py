"""Who may do what on ``/media`` (SPEC 2.3): by key, by user, and by nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from bson import ObjectId

from duetdb.app.main import create_app
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings
from tests.media.test_archive import post
from tests.processes import KEY

SECRET = "a secret of more than thirty-two bytes"
FILE = {"any": ("a.txt", b"other")}
NOBODY: dict[str, str] = {}
ALL = ("POST", "LIST", "META", "PUT", "DELETE")


@asynccontextmanager
async def served(mongod: EmbeddedMongod, **flags: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the full key, of an application with these settings and one collection."""
    settings = make_settings(mongod.uri, jwt_secret=SECRET, jwt_without_record=True, **flags)
    engine = await connect(settings)
    app = create_app(settings, engine)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
            ) as client,
        ):
            yield client
    finally:
        await engine.client.drop_database(engine.database.name)
        await engine.client.close()


async def declare(client: httpx.AsyncClient, **access: Any) -> None:
    body = {"name": "photos", "fields": [{"name": "shown", "type": "image"}], "access": access}
    answer = await client.put("/rest/photos/_meta", json=body)
    assert answer.status_code in (200, 201), answer.text


async def ask(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], files: Any = None
) -> httpx.Response:
    """A request with these credentials alone."""
    request = client.build_request(method, path, files=files)
    del request.headers["x-apikey"]
    request.headers.update(headers)
    return await client.send(request)


async def allowed(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    """What of ``ALL`` a caller may do; the rest is refused in one way and changes nothing."""
    [id_] = await post(client, ("a.txt", b"content"))
    asked: dict[str, tuple[str, str, Any]] = {
        "POST": ("POST", "/media", FILE),
        "LIST": ("GET", "/media", None),
        "META": ("GET", f"/media/{id_}/meta", None),
        "PUT": ("PUT", f"/media/{id_}?replace=true", FILE),
        "DELETE": ("DELETE", f"/media/{id_}", None),
    }
    before = [each["_id"] for each in (await client.get("/media")).json()]
    may: list[str] = []
    for name, (method, path, files) in asked.items():
        answer = await ask(client, method, path, headers, files)
        if answer.status_code in (200, 201):
            may.append(name)
        else:
            assert answer.status_code == (403 if headers else 401), answer.text
    if not {"PUT", "DELETE"} & {*may}:
        assert (await client.get(f"/media/{id_}")).content == b"content"
    if not {"POST", "DELETE"} & {*may}:
        assert before == [each["_id"] for each in (await client.get("/media")).json()]
    return " ".join(may)


async def key(client: httpx.AsyncClient, *paths: str, methods: Any = None) -> dict[str, str]:
    asked = {"paths": list(paths), **({"methods": methods} if methods else {})}
    made = await client.post("/rest/_keys", json=asked)
    assert made.status_code == 201, made.text
    return {"x-apikey": made.json()["key"]}


async def user(client: httpx.AsyncClient, *roles: str) -> dict[str, str]:
    payload = {"email": "a@b.example", "roles": list(roles)}
    made = await client.post("/auth/jwt", json={"secret": "jwt_secret", "payload": payload})
    assert made.status_code == 200, made.text
    return {"authorization": f"Bearer {made.json()['jwt']}"}


@pytest.fixture
async def client(mongod: EmbeddedMongod) -> AsyncIterator[httpx.AsyncClient]:
    async with served(mongod) as made:
        await declare(made)
        yield made


async def test_the_full_key_may_do_everything(client: httpx.AsyncClient) -> None:
    assert await allowed(client, {"x-apikey": KEY}) == " ".join(ALL)


async def test_nobody_may_do_nothing(client: httpx.AsyncClient) -> None:
    assert await allowed(client, NOBODY) == ""


@pytest.mark.parametrize(
    ("paths", "methods", "may"),
    [
        (["/media"], None, "POST LIST META PUT DELETE"),
        (["/media/**"], None, "POST LIST META PUT DELETE"),
        (["media/**"], ["GET"], "LIST META"),
        (["/media"], ["POST"], "POST"),
        (["/media"], ["DELETE"], "DELETE"),
        (["/media"], ["PUT", "PATCH"], "PUT"),
        (["/photos/**"], None, "POST"),
        (["/photos"], ["POST"], "POST"),
        (["/**"], None, "POST"),
        (["/photos/**"], ["GET", "PUT", "DELETE"], ""),
        (["/photos/**", "/media"], ["GET"], "LIST META"),
        (["/others/**"], None, ""),
        (["/media/*"], None, ""),
        (["/mail"], None, ""),
        ([], None, ""),
    ],
)
async def test_a_web_key_names_media_or_may_post(
    client: httpx.AsyncClient, paths: list[str], methods: list[str] | None, may: str
) -> None:
    assert await allowed(client, await key(client, *paths, methods=methods)) == may


async def test_the_bytes_are_for_everybody(client: httpx.AsyncClient) -> None:
    [id_] = await post(client, ("a.txt", b"content"))
    none = await key(client)
    for headers in (NOBODY, none, {"x-apikey": "0123456789abcdef01234567"}):
        for path in (f"/media/{id_}", "/media/a.txt?download=true", f"/media/{id_}?s=t"):
            answer = await ask(client, "GET", path, headers)
            assert (answer.status_code, answer.content) == (200, b"content")


@pytest.mark.parametrize(
    ("access", "roles", "may"),
    [
        ({}, [], "POST"),
        ({"write": ["staff"]}, ["staff"], "POST"),
        ({"write": ["staff"]}, ["guest"], ""),
        ({"read": ["staff"]}, ["staff"], "POST"),
        ({"read": ["staff"]}, [], ""),
        ({"write": ["staff"]}, ["admin"], ""),
    ],
)
async def test_users_upload_where_they_may_post(
    client: httpx.AsyncClient, access: dict[str, Any], roles: list[str], may: str
) -> None:
    await declare(client, **access)
    assert await allowed(client, await user(client, *roles)) == may


async def test_a_setting_leaves_uploads_to_those_who_are_named(mongod: EmbeddedMongod) -> None:
    async with served(mongod, media_by_post=False) as client:
        await declare(client)
        assert await allowed(client, await key(client, "/photos/**")) == ""
        assert await allowed(client, await user(client)) == ""
        assert await allowed(client, await key(client, "/media", methods=["POST"])) == "POST"


async def test_who_may_not_learns_nothing_of_what_is_there(client: httpx.AsyncClient) -> None:
    [id_] = await post(client, ("a.txt", b"content"))
    headers = await key(client, "/photos/**")
    answers = [
        (await client.get(f"/media/{each}/meta", headers=headers)).json()
        for each in (id_, ObjectId(), "a.txt", "b.txt")
    ]
    assert answers.count(answers[0]) == 4


async def test_who_uploaded_is_told(client: httpx.AsyncClient) -> None:
    sent = await ask(client, "POST", "/media", await user(client), FILE)
    [meta] = (await client.get(f"/media/{sent.json()['ids'][0]}/meta")).json()
    assert meta["_createdby"] == "a@b.example"
