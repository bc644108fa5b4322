"""Image and file fields take ids of files that there are (SPEC 4.3, 11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.settings import Settings
from duetdb.app.transfer.options import Outcome
from tests.conftest import KEY
from tests.media.fields.library import GONE, ONE, THREE, TWO, LookUps, define, insert, key_for
from tests.transfer.loading import Importer, Recorder
from tests.voice_graphql.conftest import Voice

NO_FILE = [f"There is no file {GONE} in the media archive.", "TYPE"]
NO_ID = ["Must be media ids of 24 hexadecimal digits.", "TYPE"]


def refused(*faults: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "ValidationError",
        "message": "Validation error",
        "status": 400,
        "list": list(faults),
    }


async def contents(client: httpx.AsyncClient) -> Any:
    return (await client.get("/rest/albums?metafields=true")).json()


@pytest.mark.parametrize("sent", [ONE, [ONE], {"_id": ONE, "origname": "a.png"}, [{"_id": ONE}]])
@pytest.mark.parametrize("name", ["cover", "papers"])
async def test_a_field_takes_ids_of_files_of_any_kind(
    albums: httpx.AsyncClient, name: str, sent: Any
) -> None:
    made = await insert(albums, "albums", {name: sent})
    assert made[name] == [ONE]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"cover": GONE}, [{"field": "cover", "message": NO_FILE}]),
        ({"cover": [ONE, GONE, GONE]}, [{"field": "cover", "message": NO_FILE}]),
        ({"cover": {"_id": GONE}}, [{"field": "cover", "message": NO_FILE}]),
        ({"papers": ["a.png"]}, [{"field": "papers.0", "message": NO_ID}]),
        ({"papers": 7}, [{"field": "papers", "message": NO_ID}]),
        ({"pages": [{"shots": [TWO]}, {"shots": GONE}]}, [{"field": "pages.shots"}]),
        (
            {"cover": "x", "papers": GONE},
            [{"field": "cover", "message": NO_ID}, {"field": "papers", "message": NO_FILE}],
        ),
    ],
)
async def test_what_is_no_file_is_refused(
    albums: httpx.AsyncClient, body: dict[str, Any], faults: list[dict[str, Any]]
) -> None:
    answer = await albums.post("/rest/albums", json=body)
    assert answer.status_code == 400
    expected = [{"message": NO_FILE, **each} for each in faults]
    assert answer.json() == refused(*expected)
    asked = "mutation($data: AlbumsInput!) { createAlbums(data: $data) { _id } }"
    sent = {"query": asked, "variables": {"data": body}}
    error = (await albums.post("/graphql", json=sent)).json()["errors"][0]
    assert error["extensions"]["list"] == expected
    assert await contents(albums) == []


async def test_files_of_a_batch_are_looked_up_at_once(counted: Voice, look_ups: LookUps) -> None:
    look_ups.taken()
    bodies = [{"cover": ONE}, {"cover": [TWO], "papers": THREE}, {"pages": [{"shots": ONE}]}]
    await insert(counted.client, "albums", bodies)
    assert look_ups.taken() == 1
    bad = [{"cover": ONE}, {"cover": GONE}, {"papers": [TWO, GONE]}]
    answer = await counted.client.post("/rest/albums", json=bad)
    assert (answer.status_code, answer.json()) == (
        400,
        refused(
            {"field": "cover", "message": NO_FILE, "index": 1},
            {"field": "papers", "message": NO_FILE, "index": 2},
        ),
    )
    assert look_ups.taken() == 1
    assert len(await contents(counted.client)) == 3
    await insert(counted.client, "albums", {"title": "none"})
    assert look_ups.taken() == 0


async def test_a_file_that_documents_name_may_be_deleted(albums: httpx.AsyncClient) -> None:
    made = await insert(albums, "albums", {"cover": [ONE, TWO]})
    answer = await albums.delete(f"/media/{ONE}")
    assert (answer.status_code, answer.json()) == (200, {"result": [ONE]})
    assert (await albums.get(f"/rest/albums/{made['_id']}")).json()["cover"] == [ONE, TWO]


CHANGES: list[tuple[dict[str, Any], int, list[str]]] = [
    ({"title": "b"}, 200, [GONE, ONE]),
    ({"cover": [GONE, ONE]}, 200, [GONE, ONE]),
    ({"cover": [TWO, GONE]}, 200, [TWO, GONE]),
    ({"cover": []}, 200, []),
    ({"$push": {"cover": TWO}}, 200, [GONE, ONE, TWO]),
    ({"$pull": {"cover": GONE}}, 200, [ONE]),
    ({"$addToSet": {"cover": GONE}}, 200, [GONE, ONE]),
    ({"$set": {"cover": [GONE]}}, 200, [GONE]),
    ({"papers": GONE}, 400, [GONE, ONE]),
    ({"pages": [{"shots": GONE}]}, 400, [GONE, ONE]),
    ({"$push": {"papers": GONE}}, 400, [GONE, ONE]),
    ({"$push": {"cover": "8" * 24}}, 400, [GONE, ONE]),
    ({"$set": {"papers": [GONE]}}, 400, [GONE, ONE]),
    ({"$push": {"pages": {"shots": [GONE]}}}, 400, [GONE, ONE]),
]


@pytest.mark.parametrize(("change", "status", "cover"), CHANGES)
async def test_ids_that_were_there_stay_writable(
    albums: httpx.AsyncClient,
    engine: Engine,
    change: dict[str, Any],
    status: int,
    cover: list[str],
) -> None:
    """Their files may have been deleted; an id of nothing gets nowhere where it was not."""
    stored = {"_id": ObjectId(), "title": "a", "cover": [ObjectId(GONE), ObjectId(ONE)]}
    await engine.database["albums"].insert_one(stored)
    path = f"/rest/albums/{stored['_id']}"
    answer = await albums.patch(path, json=change)
    assert answer.status_code == status, answer.text
    shown = (await albums.get(path)).json()
    assert shown["cover"] == cover
    if status == 400:
        assert shown == {"_id": str(stored["_id"]), "title": "a", "cover": cover}


async def test_documents_are_sent_back_as_they_were_read(
    albums: httpx.AsyncClient, engine: Engine
) -> None:
    stored = {"_id": ObjectId(), "cover": [ObjectId(GONE), ObjectId(ONE)]}
    await engine.database["albums"].insert_one(stored)
    path = f"/rest/albums/{stored['_id']}"
    shown = (await albums.get(f"{path}?fetchmediadata=true")).json()
    assert [shown["cover"][0], shown["cover"][1]["_id"]] == [GONE, ONE]
    answer = await albums.put(path, json=shown)
    assert (answer.status_code, answer.json()["cover"]) == (200, [GONE, ONE])


async def test_a_replacement_is_checked_as_well(albums: httpx.AsyncClient) -> None:
    made = await insert(albums, "albums", {"cover": ONE})
    asked = (
        "mutation($id: ID!, $data: AlbumsInput!) "
        "{ replaceAlbums(id: $id, data: $data) { cover { _id } } }"
    )
    for cover, shown in (([TWO], {"cover": [{"_id": TWO}]}), ([GONE], None)):
        sent = {"query": asked, "variables": {"id": made["_id"], "data": {"cover": cover}}}
        body = (await albums.post("/graphql", json=sent)).json()
        assert body["data"]["replaceAlbums"] == shown
    assert body["errors"][0]["extensions"]["list"] == [{"field": "cover", "message": NO_FILE}]


async def test_a_change_of_many_is_checked_for_each(albums: httpx.AsyncClient) -> None:
    first, second = await insert(albums, "albums", [{"title": "a"}, {"title": "b", "cover": ONE}])
    assert (await albums.delete(f"/media/{ONE}")).status_code == 200
    answer = await albums.patch("/rest/albums/*?q={}", json={"cover": [ONE]})
    message = f"cover: There is no file {ONE} in the media archive."
    assert (answer.status_code, answer.json()) == (
        200,
        {"matched": 2, "modified": 1, "failed": [{"_id": first["_id"], "message": message}]},
    )
    assert [each.get("cover") for each in await contents(albums)] == [None, [ONE]]
    assert second["cover"] == [ONE]


async def test_an_id_that_a_caller_cannot_read_does_not_count_as_known(
    albums: httpx.AsyncClient, engine: Engine
) -> None:
    """Else it could be found out by sending ids of files that were deleted."""
    stored = {"_id": ObjectId(), "title": "a", "cover": [ObjectId(GONE)]}
    await engine.database["albums"].insert_one(stored)
    path = f"/rest/albums/{stored['_id']}"
    blind = await key_for(
        albums, paths=["/albums/**"], readable=["title"], writable=["title", "cover"]
    )
    answers = [
        await albums.patch(path, json={"cover": [each]}, headers=blind) for each in (GONE, "8" * 24)
    ]
    assert [each.status_code for each in answers] == [400, 400]
    assert answers[0].text.replace(GONE, "8" * 24) == answers[1].text


async def test_without_validation_nothing_is_looked_up(albums: httpx.AsyncClient) -> None:
    answer = await albums.post("/rest/albums?validate=false", json={"cover": [GONE]})
    assert (answer.status_code, answer.json()["cover"]) == (201, [GONE])


@pytest.mark.parametrize("validate", [True, False])
async def test_imports_are_checked_unless_they_are_told_not_to(
    albums: httpx.AsyncClient, engine: Engine, tmp_path: Path, validate: bool
) -> None:
    catalog = Catalog(engine)
    await catalog.start()
    importer = Importer(engine, catalog, SchemaAdmin(engine, catalog, Limits()), tmp_path)
    rows = importer.file([{"cover": [ONE]}, {"pages": [{"shots": [TWO, GONE]}]}])
    watcher = Recorder()
    outcome = await importer.run(rows, watcher, "albums", validate=validate)
    await catalog.stop()
    assert outcome == (Outcome(0, 1) if validate else Outcome(2, 0))
    assert watcher.told == ([(2, "pages.shots", "TYPE")] if validate else [])
    assert len(await contents(albums)) == outcome.stored


async def test_in_memory_files_are_looked_up_as_well() -> None:
    app = create_app(Settings.load({"memory": True, "api_key": KEY}, {}, env_file=None))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client,
    ):
        await define(client)
        posted = await client.post("/media", files=[("a", ("a.txt", b"text"))])
        (id_,) = posted.json()["ids"]
        made = await insert(client, "albums", {"papers": id_})
        answer = await client.patch(f"/rest/albums/{made['_id']}", json={"papers": [id_, GONE]})
        assert (answer.status_code, answer.json()) == (
            400,
            refused({"field": "papers", "message": NO_FILE}),
        )
        (shown,) = (await client.get("/rest/albums?fetchmediadata=true")).json()
        assert [(each["_id"], each["origname"]) for each in shown["papers"]] == [(id_, "a.txt")]
