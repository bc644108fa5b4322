"""Media fields in GraphQL: addresses, and what is known of the files."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest
from bson import ObjectId

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from tests.conftest import make_settings
from tests.files import described, insert_files
from tests.media.fields.library import GONE, ONE, THREE, TWO, LookUps, define, insert, key_for
from tests.voice_graphql.conftest import Voice
from tests.voice_graphql.running import serving

KNOWN = "_id _created _createdby app origname file mediatype exif filesize width height"
ADDRESSES = "url thumbnailUrl webUrl"


async def ask(client: httpx.AsyncClient, query: str, **more: Any) -> Any:
    """The whole answer of an operation."""
    answer = await client.post("/graphql", json={"query": query}, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def addresses(id_: str, before: str = "/media/") -> dict[str, str]:
    return {
        "url": before + id_,
        "thumbnailUrl": f"{before}{id_}?s=t",
        "webUrl": f"{before}{id_}?s=w",
    }


async def test_everything_that_is_known_of_files(albums: httpx.AsyncClient, engine: Engine) -> None:
    """Of a file that is gone the id and its addresses are left."""
    stored = {"_id": ObjectId(), "cover": [ObjectId(ONE), ObjectId(GONE)], "pages": []}
    await engine.database["albums"].insert_one(stored)
    found = await ask(
        albums, f"{{ albums {{ cover {{ {KNOWN} {ADDRESSES} }} papers {{ _id }} }} }}"
    )
    nothing = dict.fromkeys(KNOWN.split())
    assert found == {
        "data": {
            "albums": [
                {
                    "cover": [
                        {**described(ONE, engine.database.name), **addresses(ONE)},
                        {**nothing, "_id": GONE, **addresses(GONE)},
                    ],
                    "papers": None,
                }
            ]
        }
    }


async def test_media_stand_in_objects_relations_connections_and_children(
    albums: httpx.AsyncClient,
) -> None:
    second = await insert(albums, "albums", {"title": "b", "papers": THREE})
    body = {"title": "a", "pages": [{"shots": TWO}, {"shots": []}, {}], "next": second["_id"]}
    made = await insert(albums, "albums", body)
    await insert(albums, f"albums/{made['_id']}/notes", {"text": "n", "scan": [ONE]})
    query = (
        '{ albumsConnection(where: {title: {eq: "a"}}) { edges { node { pages { shots { _id width '
        "} } next { papers { _id origname } albumsByNext { title pages { shots { mediatype } } } } "
        "notes { scan { exif } } } } } }"
    )
    (edge,) = (await ask(albums, query))["data"]["albumsConnection"]["edges"]
    shots = [{"shots": [{"mediatype": "image/png"}]}, {"shots": []}, {"shots": None}]
    assert edge["node"] == {
        "pages": [{"shots": [{"_id": TWO, "width": 30}]}, {"shots": []}, {"shots": None}],
        "next": {
            "papers": [{"_id": THREE, "origname": "a.png"}],
            "albumsByNext": [{"title": "a", "pages": shots}],
        },
        "notes": [{"scan": [{"exif": {"Make": "Duet"}}]}],
    }


async def test_a_field_under_several_names_and_what_is_beside_it(
    albums: httpx.AsyncClient, engine: Engine
) -> None:
    """What the service attaches is in no ``_extra``, and what is no id is nowhere else."""
    await engine.database["albums"].insert_many(
        [
            {"_id": 1, "cover": [ObjectId(ONE)], "odd": 1, "pages": [{"shots": "x", "odd": 2}]},
            {"_id": 2, "cover": [ObjectId(ONE), "x"], "pages": [{"shots": [ObjectId(TWO)]}]},
        ],
        bypass_document_validation=True,
    )
    query = (
        "{ albums { a: cover { width } b: cover { w: width height } _extra pages { _extra "
        "shots { width } } } }"
    )
    first, second = (await ask(albums, query))["data"]["albums"]
    assert first == {
        "a": [{"width": 30}],
        "b": [{"w": 30, "height": 20}],
        "_extra": {"odd": 1},
        "pages": [{"_extra": {"shots": "x", "odd": 2}, "shots": None}],
    }
    assert second == {
        "a": None,
        "b": None,
        "_extra": {"cover": [ONE, "x"]},
        "pages": [{"_extra": {}, "shots": [{"width": 30}]}],
    }


async def test_answers_to_writes_tell_of_files_too(albums: httpx.AsyncClient) -> None:
    """But not to a caller that may write and not read."""
    create = (
        f'mutation {{ createAlbums(data: {{cover: ["{ONE}"]}}) {{ cover {{ _id origname }} }} }}'
    )
    made = await ask(albums, create)
    assert made == {"data": {"createAlbums": {"cover": [{"_id": ONE, "origname": "a.png"}]}}}
    many = f'mutation {{ createManyAlbums(data: [{{papers: "{TWO}"}}]) {{ papers {{ width }} }} }}'
    assert await ask(albums, many) == {"data": {"createManyAlbums": [{"papers": [{"width": 30}]}]}}
    (first, _) = (await albums.get("/rest/albums")).json()
    update = (
        f'mutation {{ updateAlbums(id: "{first["_id"]}", push: {{cover: ["{THREE}"]}}) '
        "{ cover { _id height } } }"
    )
    shown = [{"_id": ONE, "height": 20}, {"_id": THREE, "height": 20}]
    assert await ask(albums, update) == {"data": {"updateAlbums": {"cover": shown}}}
    delete = f'mutation {{ deleteAlbums(id: "{first["_id"]}") {{ cover {{ _id height }} }} }}'
    assert await ask(albums, delete) == {"data": {"deleteAlbums": {"cover": shown}}}
    blind = await key_for(albums, paths=["/albums"], methods=["POST"])
    told = await ask(albums, create, headers=blind)
    assert told == {"data": {"createAlbums": {"cover": [{"_id": ONE, "origname": None}]}}}


async def test_one_look_up_for_each_level_and_none_for_addresses(
    counted: Voice, look_ups: LookUps
) -> None:
    body = {"cover": [ONE, TWO], "papers": THREE, "pages": [{"shots": ONE}, {"shots": TWO}]}
    made = await insert(counted.client, "albums", [body] * 20)
    for one, other in pairwise(made):
        await counted.client.patch(f"/rest/albums/{one['_id']}", json={"next": other["_id"]})
    look_ups.taken()
    for query, expected in (
        ("{ albums { cover { _id id url thumbnailUrl webUrl __typename } } }", 0),
        ("{ albums { cover { width } papers { origname } pages { shots { exif } } } }", 1),
        ("{ albums { a: cover { width } b: cover { height } } }", 1),
        ("{ albums { cover { width } next { cover { width } next { cover { url } } } } }", 2),
        ("{ albums { cover { width @skip(if: true) } } }", 0),
        ("{ albums(skip: 99) { cover { width } } }", 0),
    ):
        assert "errors" not in await counted.answer(query)
        assert look_ups.taken() == expected, query


@pytest.mark.parametrize(
    ("public", "before"),
    [
        (None, "/media/"),
        ("https://api.example.com", "https://api.example.com/media/"),
        ("https://example.com/db/", "https://example.com/db/media/"),
    ],
)
async def test_addresses_follow_the_setting_and_no_request(
    mongod: EmbeddedMongod, public: str | None, before: str
) -> None:
    flags = {} if public is None else {"public_url": public}
    async with serving(make_settings(mongod.uri, **flags)) as server:
        client = server.voice.client
        await insert_files(server.voice.database, ONE)
        await define(client)
        await insert(client, "albums", {"cover": ONE})
        headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
        found = await ask(client, f"{{ albums {{ cover {{ {ADDRESSES} }} }} }}", headers=headers)
        assert found["data"]["albums"] == [{"cover": [addresses(ONE, before)]}]


async def test_what_files_cost_is_counted_before_anything_is_read(mongod: EmbeddedMongod) -> None:
    """A list is taken to hold ten, as one of references is; a level costs one read more."""
    flags = {"graphql_cost": 100, "graphql_reads": 2}
    async with serving(make_settings(mongod.uri, **flags)) as server:
        client = server.voice.client
        await define(client)
        for query, message in (
            ("{ albums(max: 100) { cover { url } } }", None),
            ("{ albums(max: 9) { cover { width } } }", None),
            ("{ albums(max: 4) { cover { width } papers { width } } }", None),
            (
                "{ albums(max: 10) { cover { width } } }",
                "The operation could read 110 documents, more than 100.",
            ),
            (
                "{ albums(max: 5) { cover { width } papers { width } } }",
                "The operation could read 105 documents, more than 100.",
            ),
            (
                "{ albums(max: 1) { cover { width } next { cover { width } } } }",
                "The operation has more than 2 root fields and relations.",
            ),
        ):
            body = await ask(client, query)
            told = body["errors"][0]["message"] if "errors" in body else None
            assert told == message, query


async def test_filters_and_inputs_are_about_ids(albums: httpx.AsyncClient) -> None:
    await insert(albums, "albums", [{"title": "a", "cover": [ONE, TWO]}, {"title": "b"}])
    for where, titles in (
        (f'{{cover: {{eq: "{ONE}"}}}}', ["a"]),
        (f'{{cover: {{in: ["{THREE}"]}}}}', []),
        (f'{{cover: {{all: ["{ONE}", "{TWO}"]}}}}', ["a"]),
        ("{cover: {size: 2}}", ["a"]),
        ("{cover: {exists: false}}", ["b"]),
    ):
        found = await ask(albums, f"{{ albums(where: {where}) {{ title }} }}")
        assert [each["title"] for each in found["data"]["albums"]] == titles, where
    rest = await albums.get(f'/rest/albums?q={{"cover":"{ONE}"}}&fetchmediadata=true')
    assert [each["title"] for each in rest.json()] == ["a"]
    for path in ('q={"cover":"a.png"}', f'q={{"cover.origname":"a.png","cover":"{ONE}"}}'):
        nothing = await albums.get(f"/rest/albums?{path}")
        assert (nothing.status_code, nothing.json()) == (200, [])


async def test_a_hidden_field_is_not_there(albums: httpx.AsyncClient) -> None:
    await insert(albums, "albums", {"cover": ONE, "papers": TWO})
    key = await key_for(albums, paths=["/albums"], readable=["cover"], methods=["GET"])
    shown = await ask(albums, "{ albums { cover { _id origname } } }", headers=key)
    assert shown == {"data": {"albums": [{"cover": [{"_id": ONE, "origname": "a.png"}]}]}}
    refused = await ask(albums, "{ albums { papers { _id } } }", headers=key)
    assert refused.keys() == {"errors"}
