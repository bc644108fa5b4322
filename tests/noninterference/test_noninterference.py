"""What a caller may not see changes nothing of what it hears, by REST and by GraphQL.

For random schemas, rules and documents, every request is made twice: once as it
is, and once with other values wherever the caller may not look. Status, body,
order, headers and counts are the same, or something of what is hidden has leaked.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.http.credentials import Callers, Presented
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.principal import FULL_ACCESS, Principal
from tests.files import insert_files
from tests.noninterference.asking import Request, Requests
from tests.noninterference.scenes import NAMES, PICTURES, Scene, make_scene
from tests.noninterference.storing import Stored, flipped, stored
from tests.voice_graphql.running import Server, hand_driven

Answer: TypeAlias = tuple[int, dict[str, str], str]

EACH, WRITES = 66, 12
_CHANGING = frozenset(("date", "x-request-id"))
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass
class Stage:
    """A server, who asks it at the moment, and what was asked."""

    server: Server
    runner: asyncio.Runner
    asking: list[Principal]
    seen: Counter[str] = field(default_factory=Counter)

    async def stage(self, scene: Scene) -> None:
        self.asking[:] = [FULL_ACCESS]
        for name in NAMES:
            await self.server.voice.database[name].delete_many({})
        await self.server.voice.define(*scene.definitions)
        self.asking[:] = [scene.principal]

    async def store(self, documents: Stored) -> None:
        for name in NAMES:
            collection = self.server.voice.database[name]
            await collection.delete_many({})
            if documents[name]:
                await collection.insert_many(documents[name], bypass_document_validation=True)

    async def answers(self, requests: list[Request]) -> list[Answer]:
        return [await self._answer(each) for each in requests]

    async def _answer(self, request: Request) -> Answer:
        answer = await self.server.voice.client.request(
            request.method, request.path, params=list(request.params), json=request.body
        )
        headers = {name: value for name, value in answer.headers.items() if name not in _CHANGING}
        return answer.status_code, headers, answer.text


@pytest.fixture
def stage(mongod: EmbeddedMongod, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    asking = [FULL_ACCESS]

    async def verified(self: Callers, shown: Presented) -> Principal:
        return asking[0]

    # The data of renamed fields stays where it is as long as the test goes on.
    monkeypatch.setattr("duetdb.app.service.schema.renames._GRACE_SECONDS", 3_600.0)
    monkeypatch.setattr(Callers, "_verified", verified)
    unlimited = dict.fromkeys(("rate_key", "rate_user", "rate_address", "rate_failures"), 0)
    with hand_driven(mongod, **unlimited) as (server, runner):
        runner.run(insert_files(server.voice.database, *PICTURES[:2]))
        yield Stage(server, runner, asking)


def play(stage: Stage, scenes: int) -> None:
    """Asks the same of random scenes, with and without other values where nothing is seen."""

    @settings(
        max_examples=scenes,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=True))
    def scene(random: Random) -> None:
        stage.runner.run(compare(stage, make_scene(random), random))

    scene()
    print(dict(stage.seen))


async def compare(stage: Stage, scene: Scene, random: Random) -> None:
    before = stored(scene, random)
    after = flipped(scene, before, random)
    requests = Requests(random, scene, before, after)
    await stage.stage(scene)
    writes = 0 if scene.stray else WRITES
    reads = [requests.read() for _ in range(EACH - writes)]
    found = []
    for documents in (before, after):
        await stage.store(documents)
        found.append(await stage.answers(reads))
    for request, *both in zip(reads, *found, strict=True):
        check(stage, request, both, scene, (before, after))
    for request in [requests.write() for _ in range(writes)]:
        both = []
        for documents in (before, after):
            await stage.store(documents)
            both += await stage.answers([request])
        check(stage, request, list(map(_timeless, both)), scene, (before, after))


def _timeless(answer: Answer) -> Answer:
    """Without new ids and instants, which differ from one write to the next."""
    status, headers, text = answer
    headers = {name: _ID.sub("id", value) for name, value in headers.items() if name != "etag"}
    return status, headers, _INSTANT.sub("now", _ID.sub("id", text))


def check(
    stage: Stage,
    request: Request,
    answers: Sequence[Answer],
    scene: Scene,
    states: tuple[Stored, Stored],
) -> None:
    """The same answers, or all that is needed to see why not."""
    status, _, text = answers[0]
    kind = "GraphQL" if request.path == "/graphql" else "REST"
    is_empty = status == 200 and (text in ("[]", "{}") or text.startswith('{"errors"'))
    stage.seen[f"{kind} {status}{' with nothing in it' if is_empty else ''}"] += 1
    stage.seen["examples"] += 1
    if answers[0] == answers[1] and status < 500 and '"INTERNAL"' not in text:
        return
    lines = [repr(request), f"one:   {answers[0]}", f"other: {answers[1]}"]
    for name in NAMES:
        view = scene.views[name]
        lines += [f"{name}: {view.definition}", f"readable {view.readable}, {view.rule}"]
        for word, documents in zip(("before", "after "), states, strict=True):
            lines += [f"  {word} {each}" for each in documents[name]]
    raise AssertionError("\n".join(lines))


def test_what_is_hidden_changes_nothing(stage: Stage) -> None:
    play(stage, scenes=50)
    assert stage.seen["examples"] >= 3_000
    assert stage.seen["REST 200"] >= 500
    assert stage.seen["GraphQL 200"] >= 300
