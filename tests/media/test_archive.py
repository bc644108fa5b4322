"""Each row of SPEC 11 as request, status and body."""

from __future__ import annotations

import io
from datetime import timedelta

import httpx
import pytest
from bson import ObjectId
from PIL import Image

from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.gridfs import GridFS
from duetdb.app.service.media.loose import sweep
from duetdb.app.service.principal import FULL_ACCESS


def picture(kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(made, kind)
    return made.getvalue()


async def post(client: httpx.AsyncClient, *files: tuple[str, bytes]) -> list[str]:
    answer = await client.post("/media", files=[("any", each) for each in files])
    assert answer.status_code == 201, answer.text
    assert answer.json().keys() == {"msg", "uploadid", "ids"}
    assert (answer.json()["msg"], len(answer.json()["uploadid"])) == ("OK", 32)
    return list(answer.json()["ids"])


async def nothing_is_left(engine: Engine) -> None:
    for name in ("files", "chunks", "uploads"):
        assert await engine.database[f"_media.{name}"].count_documents({}) == 0


async def test_files_come_back_by_id_and_by_name(app_client: httpx.AsyncClient) -> None:
    large = bytes(range(256)) * 4000
    first, second = await post(app_client, ("a.png", picture()), ("large.bin", large))
    answer = await app_client.get(f"/media/{first}", headers={"x-apikey": ""})
    assert (answer.status_code, answer.content) == (200, picture())
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert (await app_client.get("/media/large.bin")).content == large
    again = await app_client.get(f"/media/{first}", headers={"if-none-match": f'"{first}"'})
    assert (again.status_code, again.content) == (304, b"")
    head = await app_client.head(f"/media/{second}")
    assert (head.headers["content-length"], head.content) == (str(len(large)), b"")


async def test_of_one_name_the_newest_wins(app_client: httpx.AsyncClient) -> None:
    await post(app_client, ("a.txt", b"old"))
    await post(app_client, ("a.txt", b"new"))
    assert (await app_client.get("/media/a.txt")).content == b"new"


async def test_meta_is_a_list_of_one(app_client: httpx.AsyncClient, engine: Engine) -> None:
    [id_] = await post(app_client, ("a.jpg", picture("JPEG")))
    [meta] = (await app_client.get("/media/a.jpg/meta")).json()
    assert meta.pop("_created") and meta.pop("file").endswith("a.jpg")
    assert meta == {
        "_id": id_,
        "_createdby": "api",
        "app": engine.database.name,
        "origname": "a.jpg",
        "mediatype": "image/jpeg",
        "exif": {},
        "filesize": len(picture("JPEG")),
        "width": 30,
        "height": 20,
    }
    assert [each["_id"] for each in (await app_client.get("/media")).json()] == [id_]


async def test_delete_leaves_nothing(app_client: httpx.AsyncClient, engine: Engine) -> None:
    [id_] = await post(app_client, ("a.txt", b"text"))
    answer = await app_client.delete("/media/a.txt")
    assert (answer.status_code, answer.json()) == (200, {"result": [id_]})
    assert (await app_client.get(f"/media/{id_}")).status_code == 404
    await nothing_is_left(engine)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("GET", ""), ("GET", "/a/meta"), ("DELETE", "/a")]
)
async def test_all_but_the_bytes_needs_a_key(
    app_client: httpx.AsyncClient, method: str, path: str
) -> None:
    del app_client.headers["x-apikey"]
    assert (await app_client.request(method, f"/media{path}")).status_code in (401, 403)


async def test_put_is_not_possible(app_client: httpx.AsyncClient) -> None:
    assert (await app_client.put("/media/a", content=b"a")).status_code == 405


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<script>alert(1)</script>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.png", b"<script>alert(1)</script>"),
        ("a.gif", b"GIF89a/*<script>*/"),
    ],
)
async def test_what_is_no_picture_is_downloaded(
    app_client: httpx.AsyncClient, name: str, content: bytes
) -> None:
    [id_] = await post(app_client, (name, content))
    answer = await app_client.get(f"/media/{id_}")
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert not answer.headers["content-type"].startswith("image/")


async def test_names_lose_their_paths(app_client: httpx.AsyncClient) -> None:
    await post(app_client, ("../../etc/passwd", b"a"))
    assert [each["origname"] for each in (await app_client.get("/media")).json()] == ["passwd"]


_CUT = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n' + b"x" * 600_000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", _CUT),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data", _CUT),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
        ),
    ],
)
async def test_what_is_no_upload_leaves_nothing(
    app_client: httpx.AsyncClient, engine: Engine, kind: str, body: bytes
) -> None:
    answer = await app_client.post("/media", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    await nothing_is_left(engine)


async def test_a_file_over_the_limit_stores_nothing(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    many = [("any", (f"{number}", b"a")) for number in range(Limits().media_files + 1)]
    assert (await app_client.post("/media", files=many)).status_code == 413
    await nothing_is_left(engine)


async def test_what_dead_workers_left_is_swept(engine: Engine) -> None:
    archive, store = Archive(engine, Limits(), GridFS(engine)), GridFS(engine)
    upload = await archive.upload(FULL_ACCESS).__aenter__()
    await upload.begin("a", "")
    await upload.write(b"x" * 600_000)
    await sweep(engine, store, timedelta(minutes=1))
    assert await engine.database["_media.chunks"].count_documents({}) == 2
    await sweep(engine, store, timedelta(minutes=-1))
    await nothing_is_left(engine)


async def test_an_unknown_file_is_not_found(app_client: httpx.AsyncClient) -> None:
    assert (await app_client.get(f"/media/{ObjectId()}")).status_code == 404
