"""REST and GraphQL tell the same of the files of any documents, to whomever they tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
from bson import ObjectId
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.files import described, insert_files
from tests.media.fields.library import GONE, ONE, THREE, TWO, Json, define, key_for
from tests.voice_graphql.running import Server, hand_driven

EXAMPLES = 250
KNOWN = "_id _created _createdby app origname file mediatype exif filesize width height"
MEDIA = f"{{ {KNOWN} }}"
EVERYTHING = f"_id title cover {MEDIA} papers {MEDIA} pages {{ text shots {MEDIA} }}"
INSIDE = f"_id pages {{ shots {MEDIA} }}"
CALLERS: dict[str, tuple[list[str] | None, str]] = {
    "everything": (None, f"{EVERYTHING} next {{ {EVERYTHING} next {{ {EVERYTHING} }} }}"),
    "covers": (["title", "cover"], f"_id title cover {MEDIA}"),
    "inside": (["pages.shots", "next"], f"{INSIDE} next {{ {INSIDE} next {{ {INSIDE} }} }}"),
}
"""What callers may read, and all of it as a selection."""

_lists = st.one_of(
    st.none(), st.lists(st.sampled_from([ONE, TWO, THREE, GONE, "8" * 24]), max_size=4)
).map(lambda ids: ids if ids is None else [ObjectId(each) for each in ids])
_pages = st.lists(
    st.fixed_dictionaries({}, optional={"text": st.just("t"), "shots": _lists}), max_size=3
)
_IDS = [ObjectId(f"{number:024x}") for number in range(4)]
_document = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b"]),
        "cover": _lists,
        "papers": _lists,
        "pages": st.one_of(st.none(), _pages),
        "next": st.one_of(st.none(), st.sampled_from(_IDS).map(lambda id_: [id_])),
    },
)


def in_words_of_graphql(document: Json) -> Json:
    """A document of REST: the relation is one or null, and a file that is gone has an id alone.

    On the last level that REST expands, references are ids, which no selection asks for.
    """
    shown = {name: _value(name, value) for name, value in document.items()}
    related = [each for each in shown.pop("next", None) or () if isinstance(each, dict)]
    return {**shown, "next": related[0] if related else None}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("cover", "papers", "shots"):
        nothing = dict.fromkeys(KNOWN.split())
        return [each if isinstance(each, dict) else {**nothing, "_id": each} for each in value]
    if name in ("pages", "next"):
        return [in_words_of_graphql(each) if isinstance(each, dict) else each for each in value]
    return value


def without_nulls(value: Any) -> Any:
    """What is absent in REST is null in GraphQL."""
    if isinstance(value, dict):
        found = {name: without_nulls(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def _files(value: Any, name: str = "") -> Iterator[Json]:
    """What is told of files, wherever they stand."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _files(each, name)
    elif isinstance(value, list):
        yield from value if name in ("cover", "papers", "shots") else ()
        for each in value:
            yield from _files(each)


async def _answers(client: httpx.AsyncClient, key: Json, selection: str) -> tuple[Any, Any]:
    """The whole collection by REST and by GraphQL."""
    rest = await client.get("/rest/albums?fetchmediadata=true", headers=key)
    assert rest.status_code == 200, rest.text
    query = f"{{ albums {{ {selection} }} }}"
    graphql = await client.post("/graphql", json={"query": query}, headers=key)
    assert "errors" not in graphql.json(), graphql.text
    shown = [in_words_of_graphql(each) for each in rest.json()]
    return without_nulls(shown), without_nulls(graphql.json()["data"]["albums"])


async def _prepare(server: Server) -> dict[str, Json]:
    """The files and the collection; the answer is the header of each caller."""
    client = server.voice.client
    await insert_files(server.voice.database, ONE, TWO, THREE)
    await define(client)
    rights = {"paths": ["/albums/**"], "methods": ["GET"]}
    return {
        name: {} if readable is None else await key_for(client, **rights, readable=readable)
        for name, (readable, _) in CALLERS.items()
    }


def test_both_interfaces_tell_the_same_of_files(mongod: EmbeddedMongod) -> None:
    with hand_driven(mongod) as (server, runner):
        keys = runner.run(_prepare(server))
        collection = server.voice.database["albums"]
        name = server.voice.database.name
        known = {each: described(each, name) for each in (ONE, TWO, THREE)}
        seen: Counter[str] = Counter()

        async def compare(documents: list[Json], caller: str) -> None:
            await collection.delete_many({})
            stored = [{**each, "_id": id_} for id_, each in zip(_IDS, documents, strict=False)]
            if stored:
                await collection.insert_many(stored, bypass_document_validation=True)
            rest, graphql = await _answers(server.voice.client, keys[caller], CALLERS[caller][1])
            assert rest == graphql
            found = list(_files(rest))
            assert all(each == known.get(each["_id"], {"_id": each["_id"]}) for each in found)
            kinds = {"known" if each["_id"] in known else "gone" for each in found}
            seen.update([caller, *kinds])

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(_document, max_size=4), st.sampled_from(sorted(CALLERS)))
        def example(documents: list[Json], caller: str) -> None:
            runner.run(compare(documents, caller))

        example()
    print(f"{EXAMPLES} examples: {dict(seen)}")
    assert all(seen[each] > EXAMPLES / 25 for each in ("known", "gone", *CALLERS))
