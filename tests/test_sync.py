"""A change of metadata, by whatever path, is everywhere on every server within a second."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings
from tests.processes import HEADERS, run_cli, serving

TITLE = {"name": "title", "type": "text"}
WITHIN = 1.0


@dataclass(frozen=True)
class Site:
    """Two servers beside one database, and the database itself."""

    clients: tuple[httpx.Client, httpx.Client]
    database: Database[Any]
    flags: tuple[str, ...]


@pytest.fixture(scope="module")
def site(mongod: EmbeddedMongod) -> Iterator[Site]:
    settings = make_settings(mongod.uri)
    flags = ("--mongodb-uri", mongod.uri, "--database", settings.database)
    with (
        serving(*flags) as one,
        serving(*flags) as two,
        httpx.Client(base_url=one.url, headers=HEADERS, timeout=30, trust_env=False) as first,
        httpx.Client(base_url=two.url, headers=HEADERS, timeout=30, trust_env=False) as second,
        MongoClient[Any](mongod.uri) as direct,
    ):
        yield Site((first, second), direct[settings.database], flags)
        direct.drop_database(settings.database)


@dataclass(frozen=True)
class Seen:
    """The fields of a collection as one server shows them; None where it is unknown."""

    rest: frozenset[str] | None
    graphql: frozenset[str] | None
    openapi: frozenset[str] | None
    all_metadata: frozenset[str] | None
    answers: bool


def plain(names: Iterable[str]) -> frozenset[str]:
    return frozenset(each for each in names if not each.startswith("_"))


def named(fields: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return plain(each["name"] for each in fields)


def seen(client: httpx.Client, name: str) -> Seen:
    kind = name.title()
    meta = client.get(f"/rest/{name}/_meta")
    query = f'{{ __type(name: "{kind}") {{ fields {{ name }} }} }}'
    type_ = client.post("/graphql", json={"query": query}).json()["data"]["__type"]
    schema = client.get("/openapi.json").json()["components"]["schemas"].get(kind)
    every = client.get("/rest/_meta").json()["collections"]
    entry = next((each for each in every if each["name"] == name), None)
    return Seen(
        named(meta.json()["fields"]) if meta.status_code == 200 else None,
        named(type_["fields"]) if type_ else None,
        plain(schema["properties"]) if schema else None,
        named(entry["fields"]) if entry else None,
        client.get(f"/rest/{name}").status_code == 200,
    )


def until_everywhere(site: Site, name: str, fields: set[str] | None, begun: float) -> float:
    """How long after ``begun`` everything of both servers showed these fields."""
    found = None if fields is None else frozenset(fields)
    expected = Seen(found, found, found, found, found is not None)
    for client in site.clients:
        while (shown := seen(client, name)) != expected:
            assert time.monotonic() - begun < 10, f"{shown} instead of {expected}"
    return time.monotonic() - begun


def by_http(site: Site, name: str, fields: list[Any] | None) -> float:
    begun = time.monotonic()
    if fields is None:
        answer = site.clients[0].delete(f"/rest/{name}/_meta")
    else:
        answer = site.clients[0].put(f"/rest/{name}/_meta", json={"fields": fields})
    assert answer.status_code == 200, answer.text
    return begun


def in_mongodb(site: Site, name: str, fields: list[Any] | None) -> float:
    metadata = site.database["_collections"]
    begun = time.monotonic()
    if fields is None:
        metadata.delete_one({"_id": name})
    else:
        metadata.update_one({"_id": name}, {"$set": {"fields": fields}}, upsert=True)
    return begun


def by_cli(site: Site, name: str, fields: list[Any] | None) -> float:
    """From when the command has written: it takes its time to start."""
    if fields is None:
        return by_http(site, name, None)  # there is no command that removes metadata
    body = json.dumps({"name": name, "fields": fields})
    command = threading.Thread(
        target=lambda: done.append(run_cli("schema", "apply", "-", *site.flags, stdin=body))
    )
    done: list[Any] = []
    metadata = site.database["_collections"]
    command.start()
    while named((metadata.find_one({"_id": name}) or {}).get("fields", ())) != named(fields):
        assert command.is_alive(), done
        time.sleep(0.002)
    begun = time.monotonic()
    command.join(30)
    assert done[0].returncode == 0, done[0].stderr
    return begun


WAYS: dict[str, Callable[[Site, str, list[Any] | None], float]] = {
    "http": by_http,
    "cli": by_cli,
    "mongodb": in_mongodb,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_is_everywhere_within_a_second(site: Site, way: str) -> None:
    name, change = f"notes{way}", WAYS[way]
    took = []
    for count in (1, 2, 3, 2, 4):
        fields = [TITLE, *({"name": f"f{n}", "type": "number"} for n in range(1, count))]
        begun = change(site, name, fields)
        took.append(until_everywhere(site, name, {each["name"] for each in fields}, begun))
    begun = change(site, name, None)
    took.append(until_everywhere(site, name, None, begun))
    print(
        f"{way}: everywhere after {', '.join(f'{each:.2f}' for each in took)} s, looking included"
    )
    assert max(took) < WITHIN


def test_dropping_all_metadata_is_everywhere_within_a_second(site: Site) -> None:
    begun = by_http(site, "notes", [TITLE])
    until_everywhere(site, "notes", {"title"}, begun)
    begun = time.monotonic()
    site.database["_collections"].drop()
    assert until_everywhere(site, "notes", None, begun) < WITHIN
    begun = by_http(site, "notes", [TITLE])
    assert until_everywhere(site, "notes", {"title"}, begun) < WITHIN


def test_put_answers_when_the_other_server_has_it(site: Site) -> None:
    one, other = site.clients
    for number in range(1, 6):
        fields = [{"name": f"f{each}", "type": "text"} for each in range(number)]
        assert one.put("/rest/atonce/_meta", json={"fields": fields}).status_code == 200
        assert named(other.get("/rest/atonce/_meta").json()["fields"]) == named(fields)
