"""Albums of pictures for tests of image and file fields, and how often files are looked up."""

from __future__ import annotations

from typing import Any

import httpx
from pymongo.monitoring import CommandListener, CommandStartedEvent

Json = dict[str, Any]

ONE, TWO, THREE, GONE = (digit * 24 for digit in "1239")
"""Ids of three files, and one of none."""

ALBUMS: Json = {
    "name": "albums",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "cover", "type": "image"},
        {"name": "papers", "type": "file"},
        {
            "name": "pages",
            "type": "object",
            "multiple": True,
            "fields": [{"name": "text", "type": "text"}, {"name": "shots", "type": "image"}],
        },
        {"name": "next", "type": "albums", "relation": "one"},
        {"name": "notes", "type": "notes", "relation": "child"},
    ],
}
NOTES: Json = {
    "name": "notes",
    "fields": [{"name": "text", "type": "text"}, {"name": "scan", "type": "file"}],
}


async def define(client: httpx.AsyncClient) -> None:
    answer = await client.put("/rest/_meta", json={"collections": [ALBUMS, NOTES]})
    assert answer.status_code == 200, answer.text


async def insert(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(f"/rest/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def key_for(admin: httpx.AsyncClient, **rights: Any) -> dict[str, str]:
    """The header of a web key with these rights."""
    made = await admin.post("/rest/_keys", json=rights)
    assert made.status_code == 201, made.text
    return {"x-apikey": made.json()["key"]}


class LookUps(CommandListener):
    """Counts how often files are looked up."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command.get("find") == "_media.files"

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass

    def taken(self) -> int:
        """How many there were since this was asked last."""
        count, self.count = self.count, 0
        return count
