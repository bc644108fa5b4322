"""``fetchmediadata``: what is known of files in place of their ids (SPEC 6.1, 9.1, 11.3)."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from bson import ObjectId
from jsonschema.exceptions import ValidationError

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from tests.conftest import make_settings
from tests.files import described, insert_files
from tests.media.fields.library import GONE, ONE, THREE, TWO, LookUps, define, insert, key_for
from tests.rest.test_openapi import Driver, description
from tests.voice_graphql.conftest import Voice
from tests.voice_graphql.running import serving

ASKED = "fetchmediadata=true"


@pytest.fixture
def known(engine: Engine) -> dict[str, Any]:
    """What is known of the three files, by their ids."""
    return {each: described(each, engine.database.name) for each in (ONE, TWO, THREE)}


@pytest.fixture
async def first(albums: httpx.AsyncClient, engine: Engine) -> dict[str, Any]:
    """An album with files everywhere, the second of its cover gone, before another album."""
    second = await insert(albums, "albums", {"title": "b", "papers": THREE})
    body = {
        "title": "a",
        "cover": [ONE, "8" * 24, ONE],
        "pages": [{"text": "x", "shots": [TWO]}, {"text": "y", "shots": []}, {"text": "z"}],
        "next": second["_id"],
    }
    await insert_files(engine.database, "8" * 24)
    made = await insert(albums, "albums", body)
    assert (await albums.delete(f"/media/{'8' * 24}")).status_code == 200
    await insert(albums, f"albums/{made['_id']}/notes", {"text": "n", "scan": [TWO]})
    return {"_id": made["_id"], "next": second["_id"]}


def whole(first: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """How the first album is answered."""
    return {
        "_id": first["_id"],
        "title": "a",
        "cover": [known[ONE], "8" * 24, known[ONE]],
        "pages": [{"text": "x", "shots": [known[TWO]]}, {"text": "y", "shots": []}, {"text": "z"}],
        "next": [{"_id": first["next"], "title": "b", "papers": [known[THREE]]}],
    }


async def test_files_are_described_wherever_they_stand(
    albums: httpx.AsyncClient, first: dict[str, Any], known: dict[str, Any]
) -> None:
    """In lists, single documents, objects in lists, references and streams; an id of nothing
    stays."""
    expected = whole(first, known)
    path = f"/rest/albums/{first['_id']}"
    assert (await albums.get(f"{path}?{ASKED}")).json() == expected
    listed = await albums.get(f"/rest/albums?{ASKED}&sort=title")
    assert listed.json() == [expected, expected["next"][0]]
    streamed = await albums.get(f"/rest/albums.ndjson?{ASKED}&sort=title")
    assert [json.loads(each) for each in streamed.text.splitlines()] == listed.json()
    page = (await albums.get(f"/rest/albums.html?{ASKED}&sort=title")).text
    assert page.count("<th>origname</th><td>a.png</td>") == 5
    plain = (await albums.get(f"{path}?fetchmediadata=false")).json()
    assert plain["cover"] == [ONE, "8" * 24, ONE]


async def test_children_and_referrers_are_described(
    albums: httpx.AsyncClient, first: dict[str, Any], known: dict[str, Any]
) -> None:
    path = f"/rest/albums/{first['_id']}"
    for shown in (
        (await albums.get(f"{path}?fetchchildren=true&{ASKED}")).json()["notes"],
        (await albums.get(f"{path}/notes?{ASKED}")).json(),
        [(await albums.get(f"/rest/notes?{ASKED}")).json()[0]],
    ):
        assert [(each["text"], each["scan"]) for each in shown] == [("n", [known[TWO]])]
    answer = await albums.get(f"/rest/albums/{first['next']}?referencedby=true&{ASKED}")
    assert answer.json() == [whole(first, known)]


async def test_groups_and_their_figures_are_described(
    albums: httpx.AsyncClient, first: dict[str, Any], known: dict[str, Any]
) -> None:
    expected = whole(first, known)
    groups = (await albums.get(f"/rest/albums?groupby=title&{ASKED}")).json()
    assert groups == {"a": [expected], "b": expected["next"]}
    figures = (await albums.get(f"/rest/albums?aggregate=MIN:title&{ASKED}")).json()
    assert figures == {"MIN title": expected}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"cover": 1}, {"_id", "cover"}),
        ({"title": 1}, {"_id", "title"}),
        ({"cover": 0, "next": 0}, {"_id", "title", "pages"}),
        ({"pages.shots": 1}, {"_id", "pages"}),
    ],
)
async def test_hints_choose_among_the_fields(
    albums: httpx.AsyncClient,
    first: dict[str, Any],
    known: dict[str, Any],
    fields: dict[str, int],
    names: set[str],
) -> None:
    expected = {name: each for name, each in whole(first, known).items() if name in names}
    if fields == {"pages.shots": 1}:
        expected["pages"] = [{"shots": [known[TWO]]}, {"shots": []}, {}]
    params = {"fetchmediadata": "true", "h": json.dumps({"$fields": fields})}
    answer = await albums.get(f"/rest/albums/{first['_id']}", params=params)
    assert answer.json() == expected


async def test_addresses_stand_in_place_of_metadata_and_csv_holds_ids(
    albums: httpx.AsyncClient, first: dict[str, Any]
) -> None:
    path = f"/rest/albums/{first['_id']}"
    both = (await albums.get(f"{path}?{ASKED}&idtolink=true")).json()
    assert both == (await albums.get(f"{path}?idtolink=true")).json()
    table = (await albums.get(f"/rest/albums.csv?{ASKED}&sort=title")).text
    (row, _) = csv.DictReader(io.StringIO(table))
    assert row["cover"] == f"{ONE},{'8' * 24},{ONE}"


async def test_flat_documents_have_the_metadata_at_the_root(
    albums: httpx.AsyncClient, first: dict[str, Any]
) -> None:
    shown = (await albums.get(f"/rest/albums/{first['_id']}?{ASKED}&flatten=true")).json()
    assert (shown["cover_0_origname"], shown["cover_1"]) == ("a.png", "8" * 24)
    assert shown["pages_0_shots_0_exif_Make"] == "Duet"


@pytest.mark.parametrize("stored", ["x", 7, {"a": 1}, [None, {"a": [1]}, "y"], [], None])
async def test_what_is_no_id_stays_as_it_is_stored(
    albums: httpx.AsyncClient, engine: Engine, stored: Any
) -> None:
    await engine.database["albums"].insert_one(
        {"_id": ObjectId(), "cover": stored}, bypass_document_validation=True
    )
    (shown,) = (await albums.get(f"/rest/albums?{ASKED}")).json()
    listed = stored if stored is None or isinstance(stored, list) else [stored]
    assert shown["cover"] == listed


async def test_files_that_others_put_there_are_described_as_far_as_they_go(
    albums: httpx.AsyncClient, engine: Engine
) -> None:
    file = {"_id": ObjectId(GONE), "length": 3, "filename": "b.txt", "metadata": {"width": "wide"}}
    await engine.database["_media.files"].insert_one(file)
    await insert(albums, "albums", {"papers": GONE})
    (shown,) = (await albums.get(f"/rest/albums?{ASKED}")).json()
    nothing = dict.fromkeys(("_created", "_createdby", "mediatype", "width", "height"))
    names = {"app": engine.database.name, "origname": "b.txt", "file": "b.txt"}
    assert shown["papers"] == [{"_id": GONE, **nothing, **names, "exif": {}, "filesize": 3}]
    meta = await albums.get(f"/media/{GONE}/meta")
    assert (meta.status_code, meta.json()) == (200, shown["papers"])


async def test_one_look_up_for_each_level(counted: Voice, look_ups: LookUps) -> None:
    body = {"cover": [ONE, TWO], "papers": THREE, "pages": [{"shots": ONE}, {"shots": TWO}]}
    made = await insert(counted.client, "albums", [body] * 20)
    for one, other in pairwise(made):
        await counted.client.patch(f"/rest/albums/{one['_id']}", json={"next": other["_id"]})
    look_ups.taken()
    for path, expected in (
        ("/rest/albums", 0),
        (f"/rest/albums?{ASKED}", 3),
        (f"/rest/albums/{made[0]['_id']}?{ASKED}", 3),
        (f"/rest/albums?{ASKED}&idtolink=true", 0),
        (f"/rest/albums.csv?{ASKED}", 0),
        (f'/rest/albums?{ASKED}&h={{"$fields":{{"title":1}}}}', 0),
        (f"/rest/albums?{ASKED}&max=1&skip=99", 0),
    ):
        assert (await counted.client.get(path)).status_code == 200
        assert look_ups.taken() == expected, path


async def test_a_caller_sees_the_files_of_the_fields_that_it_may_read(
    albums: httpx.AsyncClient, known: dict[str, Any]
) -> None:
    """It needs no right on the archive for that, and gets nothing of hidden fields."""
    await insert(albums, "albums", {"title": "a", "cover": ONE, "papers": TWO})
    key = await key_for(albums, paths=["/albums"], readable=["title", "cover"], methods=["GET"])
    assert (await albums.get(f"/media/{ONE}/meta", headers=key)).status_code == 403
    (shown,) = (await albums.get(f"/rest/albums?{ASKED}", headers=key)).json()
    assert shown == {"_id": shown["_id"], "title": "a", "cover": [known[ONE]]}
    hidden = await albums.get("/rest/albums?fetchmediadata=true&flatten=true", headers=key)
    assert TWO not in hidden.text


async def test_files_are_bounded_as_documents_are(mongod: EmbeddedMongod) -> None:
    for flags, path, sentence in (
        ({"page_ceiling": 2, "page_default": 2}, "", "More than 20 files belong to this page."),
        ({"answer_documents": 22}, "?max=1", "The answer would show more than 22 documents, "),
    ):
        async with serving(make_settings(mongod.uri, **flags)) as server:
            client = server.voice.client
            ids = [f"{number:024x}" for number in range(1, 23)]
            await insert_files(server.voice.database, *ids)
            await define(client)
            await insert(client, "albums", [{"cover": ids}, {"papers": ids}])
            assert (await client.get(f"/rest/albums{path}")).status_code == 200
            joined = f"{path}&{ASKED}" if path else f"?{ASKED}"
            answer = await client.get(f"/rest/albums{joined}")
            assert answer.status_code == 400
            assert answer.json()["message"].startswith(sentence)


async def test_answers_fit_their_description(
    albums: httpx.AsyncClient, first: dict[str, Any], known: dict[str, Any]
) -> None:
    document = await description(albums)
    driver = Driver(albums, document)
    shape = {"$ref": "#/components/schemas/Albums"}
    path = document["paths"]["/rest/albums/{id}"]["get"]
    assert {"$ref": "#/components/parameters/fetchmediadata"} in path["parameters"]
    for query in (ASKED, f"{ASKED}&fetchchildren=true", "idtolink=true", "metafields=true"):
        shown = (await albums.get(f"/rest/albums/{first['_id']}?{query}")).json()
        driver.check(shape, shown)
    driver.check({"$ref": "#/components/schemas/duet.File"}, known[ONE])
    for wrong in ({"width": "wide"}, {"_id": "x"}, {"_created": 7}):
        with pytest.raises(ValidationError):
            driver.check(shape, {"_id": first["_id"], "cover": [{**known[ONE], **wrong}]})
    swagger = (await albums.get("/rest/_swagger.json")).json()
    assert swagger["definitions"]["duet.File"]["required"] == ["_id"]
    assert swagger["parameters"]["fetchmediadata"]["type"] == "boolean"


async def test_look_ups_are_explained_and_use_an_index(mongod: EmbeddedMongod) -> None:
    async with serving(make_settings(mongod.uri, require_index="5")) as server:
        client = server.voice.client
        ids = [f"{number:024x}" for number in range(1, 21)]
        await insert_files(server.voice.database, *ids)
        await define(client)
        made = await insert(client, "albums", {"cover": ids})
        path = f"/rest/albums/{made['_id']}?{ASKED}"
        assert len((await client.get(path)).json()["cover"]) == 20
        notes = (await client.get(f"{path}&explain=true")).json()["explain"]
        found = [(each["collection"], each["index"], each["returned"]) for each in notes]
        assert found == [("albums", "_id_", 1), ("_media.files", "_id_", 20)]
