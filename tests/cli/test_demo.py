"""``duetdb serve --demo``: sample data in an empty database, whole and once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.folder import running_uri
from tests.cli.conftest import Database, Target
from tests.processes import HEADERS, ServerProcess, data_folder, launched, serving

COUNTS = {"theaters": 1564, "accounts": 1746, "customers": 500, "countries": 250}


def stored(database: Database) -> dict[str, int]:
    """The number of documents of each collection that has any, the server's own aside."""
    names = [name for name in database.list_collection_names() if not name.startswith("_")]
    counted = {name: database[name].count_documents({}) for name in names}
    return {name: count for name, count in counted.items() if count}


def get(server: ServerProcess, path: str, **parameters: str) -> Any:
    answer = httpx.get(f"{server.url}{path}", params=parameters, headers=HEADERS, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(server: ServerProcess, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", json=body, headers=HEADERS, timeout=30)


def test_the_first_requests_of_the_readme_work(tmp_path: Path) -> None:
    with serving(*data_folder(tmp_path), "--demo") as server:
        assert "Loaded sample data: theaters, accounts, customers, countries.\n" in server.said
        in_minnesota = get(server, "/rest/theaters", q='{"location.address.state":"MN"}', max="2")
        assert [each["theaterId"] for each in in_minnesota] == [1000, 1055]
        query = (
            '{ theaters(where: {location: {address: {state: {eq: "MN"}}}}, max: 2) '
            "{ _id theaterId location { address { city } } } }"
        )
        assert post(server, "/graphql", {"query": query}).json()["data"]["theaters"] == [
            {
                "_id": each["_id"],
                "theaterId": each["theaterId"],
                "location": {"address": {"city": each["location"]["address"]["city"]}},
            }
            for each in in_minnesota
        ]
        made = post(
            server,
            "/rest/theaters",
            {"theaterId": 9001, "location": {"address": {"city": "Duluth", "state": "MN"}}},
        )
        assert made.status_code == 201, made.text
        mutation = "mutation { createTheaters(data: {theaterId: 9002}) { theaterId } }"
        assert post(server, "/graphql", {"query": mutation}).json() == {
            "data": {"createTheaters": {"theaterId": 9002}}
        }


def test_what_cannot_be_inferred_is_declared_by_hand() -> None:
    with serving("--demo", "--memory") as server:
        described = {each["name"]: each for each in get(server, "/rest/_meta")["collections"]}
        assert described.keys() >= COUNTS.keys()
        assert all(described[name]["description"] for name in COUNTS)
        fields = {each["name"]: each for each in described["countries"]["fields"]}
        assert fields["cca3"]["unique"] is True
        assert fields["borders"]["indexed"] is True
        taken = post(server, "/rest/countries", {**get(server, "/rest/countries", max="1")[0]})
        assert taken.status_code == 400
        assert {"field": "cca3", "message": ["Already exists", "UNIQUE"]} in taken.json()["list"]
        for name, count in COUNTS.items():
            assert len(get(server, f"/rest/{name}", max="10000")) == count


def test_it_happens_once(tmp_path: Path) -> None:
    with launched(*data_folder(tmp_path), "--demo") as server:
        server.wait()
        gone = httpx.delete(f"{server.url}/rest/countries/*?q={{}}", headers=HEADERS, timeout=30)
        assert gone.status_code == 200, gone.text
        assert server.stop() == 0
        server.start()
        assert server.said.startswith("DuetDB")
        assert get(server, "/rest/countries") == []


def test_a_database_that_holds_anything_is_left_alone(target: Target, database: Database) -> None:
    database["notes"].insert_one({"text": "mine"})
    with serving(*target, "--demo"):
        assert stored(database) == {"notes": 1}


def test_metadata_alone_makes_a_database_not_empty(target: Target, database: Database) -> None:
    database["_collections"].insert_one({"_id": "notes", "name": "notes", "fields": []})
    with serving(*target, "--demo"):
        assert stored(database) == {}


def test_several_workers_and_servers_load_it_once(target: Target, database: Database) -> None:
    with (
        launched(*target, "--demo", "--workers", "2") as first,
        launched(*target, "--demo") as second,
    ):
        for server in (first, second):
            server.wait()
            assert get(server, "/rest/countries", q='{"cca3":"NOR"}')[0]["cca2"] == "NO"
        assert stored(database) == COUNTS
        assert sum("Loaded sample data" in server.said for server in (first, second)) == 1


def begun(database: Database) -> bool:
    return database["_schema"].count_documents({"_id": "once:demo"}) == 1


def half(database: Database) -> bool:
    return database["accounts"].estimated_document_count() > 0


def all_but_described(database: Database) -> bool:
    return database["countries"].estimated_document_count() > 0


@contextmanager
def beside(data: Path) -> Iterator[Database]:
    """The embedded database of a server that has begun to start."""
    while (uri := running_uri(data)) is None or not (data / "duetdb.sock").exists():
        time.sleep(0.005)
    with MongoClient(uri) as client:
        yield client["duetdb"]


@pytest.mark.parametrize("moment", [begun, half, all_but_described])
def test_a_start_that_was_killed_is_completed_by_the_next(
    tmp_path: Path, moment: Callable[[Database], bool]
) -> None:
    data = tmp_path / "data"
    with launched("--data", str(data), "--demo") as server:
        with beside(data) as database:
            while not moment(database):
                time.sleep(0.002)
            server.kill()
        server.start()
        with beside(data) as database:
            assert stored(database) == COUNTS
            assert database["_schema"].find_one({"_id": "once:demo"})["done"] is True
        fields = {each["name"]: each for each in get(server, "/rest/countries/_meta")["fields"]}
        assert fields["cca3"]["unique"] is True
