"""A key that is revoked in one process is refused by the others within a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from tests.processes import HEADERS, ServerProcess, run_cli, serving

NO_KEY = {"DUETDB_API_KEY": ""}


def seconds_until(status: int, ask: Callable[[], httpx.Response]) -> float:
    """How long it takes until the answer is this; it must not take 5 seconds."""
    begun = time.monotonic()
    while ask().status_code != status:
        assert time.monotonic() - begun < 5
        time.sleep(0.01)
    return time.monotonic() - begun


def full_key(server: ServerProcess) -> str:
    return server.said.partition("shown this once: ")[2].split()[0]


def test_in_the_middle_of_a_connection(database: tuple[str, ...]) -> None:
    with (
        serving(*database) as here,
        serving(*database) as there,
        httpx.Client(base_url=here.url, headers=HEADERS, trust_env=False) as admin,
        httpx.Client(base_url=there.url, trust_env=False) as page,
    ):
        admin.put("/rest/posts/_meta", json={"name": "posts"})
        made = admin.post("/rest/_keys", json={"paths": ["/posts"]}).json()
        address = f"/rest/_keys/{made['_id']}"
        page.headers["x-apikey"] = made["key"]

        def ask() -> httpx.Response:
            return page.get("/rest/posts")

        assert seconds_until(200, ask) < 1
        socket = ask().extensions["network_stream"].get_extra_info("client_addr")
        admin.patch(address, json={"methods": ["POST"]})
        assert seconds_until(403, ask) < 1
        admin.patch(address, json={"methods": None})
        assert seconds_until(200, ask) < 1
        assert admin.delete(address).status_code == 200
        assert seconds_until(403, ask) < 1
        assert page.post("/graphql", json={"query": "{ __typename }"}).status_code == 403
        last = ask().extensions["network_stream"].get_extra_info("client_addr")
        assert last == socket, "it was not one connection"


def test_the_full_key_is_reset_by_rest_and_by_the_command(database: tuple[str, ...]) -> None:
    with (
        serving(*database, environment=NO_KEY) as here,
        serving(*database, environment=NO_KEY) as there,
        httpx.Client(base_url=there.url, trust_env=False) as client,
    ):
        old = full_key(here)

        def ask(key: str) -> httpx.Response:
            return client.get("/rest/users", headers={"x-apikey": key})

        assert ask(old).status_code == 200
        reset = f"{here.url}/rest/_keys/full/reset"
        answer = httpx.post(reset, headers={"x-apikey": old}, trust_env=False)
        assert answer.status_code == 201
        new = answer.json()["key"]
        assert answer.json() == {"_id": "full", "key": new} and len(new) == 37
        assert seconds_until(403, lambda: ask(old)) < 1
        assert ask(new).status_code == 200

        said = run_cli("keys", "reset", *database).stdout
        newest = said.partition("shown this once: ")[2].strip()
        assert seconds_until(403, lambda: ask(new)) < 1
        assert ask(newest).status_code == 200
