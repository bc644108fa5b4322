"""Who may write more documents than it may read learns nothing of the others by writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from duetdb.app.http.credentials import Callers
from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.principal import Principal

POSTS: dict[str, Any] = {
    "fields": [{"name": "title", "type": "text"}, {"name": "published", "type": "bool"}],
    "access": {
        "rules": [{"role": "reader", "filter": {"published": True}}],
        "write": ["editor"],
    },
}
BOTH = Principal(
    name="a@b.c",
    id="user:1",
    user={"email": "a@b.c"},
    permissions=RolePermissions(["reader", "editor"]),
)


@pytest.fixture
async def ids(
    app_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[str]]:
    """A post that both roles reach and one that only may be written; asked as who has both."""
    assert (await app_client.put("/rest/posts/_meta", json=POSTS)).is_success
    documents = [{"title": "open", "published": True}, {"title": "secret", "published": False}]
    stored = (await app_client.post("/rest/posts", json=documents)).json()

    async def both(*_: Any) -> Principal:
        return BOTH

    with monkeypatch.context() as patched:
        patched.setattr(Callers, "_verified", both)
        yield [each["_id"] for each in stored]


async def test_a_change_shows_what_a_read_would(
    app_client: httpx.AsyncClient, ids: list[str]
) -> None:
    seen, unseen = ids
    assert (await app_client.get(f"/rest/posts/{unseen}")).status_code == 404
    assert (await app_client.patch(f"/rest/posts/{unseen}", json={})).status_code == 404
    assert (await app_client.patch(f"/rest/posts/{seen}", json={})).json()["title"] == "open"
    for mutation in (
        f'updatePosts(id: "{unseen}", data: {{}}) {{ title }}',
        f'deletePosts(id: "{unseen}") {{ title }}',
    ):
        answer = await app_client.post("/graphql", json={"query": f"mutation {{ {mutation} }}"})
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"
        assert "secret" not in answer.text


async def test_what_may_not_be_read_may_be_made(
    app_client: httpx.AsyncClient, ids: list[str]
) -> None:
    made = await app_client.post("/rest/posts", json={"title": "draft", "published": False})
    assert (made.status_code, made.json()["title"]) == (201, "draft")


async def test_no_change_takes_a_document_out_of_what_is_read(
    app_client: httpx.AsyncClient, ids: list[str]
) -> None:
    answer = await app_client.patch(f"/rest/posts/{ids[0]}", json={"published": False})
    assert answer.status_code == 403
