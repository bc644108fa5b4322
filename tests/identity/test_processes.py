"""Users in real server processes, each on a connection that is kept open."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.settings import Settings
from tests.identity.issuer import EMAIL, SECRET, bearer, signed
from tests.processes import HEADERS, serving

NOTES = {
    "name": "notes",
    "fields": [{"name": "title", "type": "text"}],
    "access": {"read": ["author"]},
}


def test_what_one_process_hears_the_other_does_within_a_second(
    mongod: EmbeddedMongod, settings: Settings
) -> None:
    arguments = ("--mongodb-uri", mongod.uri, "--database", settings.database)
    secret = {"DUETDB_JWT_SECRET": SECRET, "DUETDB_LOG_LEVEL": "debug"}
    with (
        serving(*arguments, environment=secret) as one,
        serving(*arguments, environment=secret) as two,
        httpx.Client(base_url=one.url) as first,
        httpx.Client(base_url=two.url) as second,
    ):
        first.put("/rest/notes/_meta", json=NOTES, headers=HEADERS).raise_for_status()
        record = {"email": EMAIL, "roles": ["author"]}
        user = first.post("/rest/users", json=record, headers=HEADERS).json()["_id"]
        token, other = signed(jti="one"), signed(jti="two")
        for each in (token, other):
            assert [status(client, each) for client in (first, second)] == [200, 200]

        first.post("/auth/logout", headers=bearer(token)).raise_for_status()
        assert within_a_second(lambda: status(second, token) == 401)
        assert status(second, other) == 200

        change = {"roles": ["reader"]}
        first.patch(f"/rest/users/{user}", json=change, headers=HEADERS).raise_for_status()
        assert within_a_second(lambda: status(second, other) == 403)
        logged = one.logged + two.logged
    assert not [secret for secret in (token, other, SECRET) if secret in logged]


def status(client: httpx.Client, token: str) -> int:
    return client.get("/rest/notes", params={"jwt": token}).status_code


def within_a_second(holds: Callable[[], bool]) -> bool:
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > 1:
            return False
        time.sleep(0.05)
    return True
