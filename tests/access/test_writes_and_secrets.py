"""Whatever a limited caller writes, it changes nothing else, and learns nothing of what is hidden.

Two databases hold the same but for what the caller may not see. It does the same
in both: the answers must be equal, and what it may not write must be as before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.errors import DuetError
from duetdb.app.service.query import Document
from duetdb.app.service.writing.write_plan import WritePlan
from tests.access.limited import Caller, told
from tests.access.minds import (
    ACCESS,
    ANN,
    BOB,
    DERIVED,
    FIELDS,
    IDS,
    PEOPLE,
    SAFE,
    VAULTS,
    WHO,
    Who,
    requests,
    stored,
)
from tests.conftest import make_settings
from tests.writing import Desk, open_desk

EXAMPLES = 1000


def test_writes_keep_and_tell_no_secrets(mongod: EmbeddedMongod) -> None:
    seen: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        engine = runner.run(connect(make_settings(mongod.uri)))
        other = replace(engine, database=engine.client[f"{engine.database.name}_twin"])
        made = {"fields": FIELDS, "access": ACCESS}
        desks = [
            runner.run(open_desk(each, posts=made, people=PEOPLE, vaults=VAULTS))
            for each in (engine, other)
        ]
        for desk in desks:
            people = [{"_id": ANN, "name": "Ann"}, {"_id": BOB, "name": "Bob"}]
            runner.run(desk.stored("people").insert_many(people))
            runner.run(desk.stored("vaults").insert_one({"_id": SAFE}))
        callers = {name: [who.make(desk) for desk in desks] for name, who in WHO.items()}

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            st.lists(stored, min_size=3, max_size=4),
            st.lists(stored, min_size=4, max_size=4),
            requests(),
            st.integers(0, 3),
        )
        def same(
            documents: list[Document],
            others: list[Document],
            asked: tuple[str, str, Any],
            at: int,
        ) -> None:
            name, *request = asked
            who = WHO[name]
            for number, each in enumerate(documents):
                each["email"] = f"{'adg'[number % 3]}@b.c" if number < 3 else None
            twins = [_mixed(who, *pair) for pair in zip(documents, others, strict=False)]
            answers = [
                runner.run(_written(desk, caller, who, world, request, at))
                for desk, caller, world in zip(
                    desks, callers[name], (documents, twins), strict=True
                )
            ]
            assert answers[0] == answers[1], (request, documents, twins)
            seen[f"{request[0]} {_outcome(answers[0])}"] += 1
            seen[name] += 1

        try:
            same()
        finally:
            for desk in desks:
                runner.run(engine.client.drop_database(desk.engine.database.name))
            runner.run(engine.client.close())
    print(dict(seen))
    for kind in ("create", "update", "replace"):
        assert min(seen[f"{kind} {end}"] for end in ("done", "FORBIDDEN")) > EXAMPLES / 400, seen
    assert seen["delete done"] > EXAMPLES / 40, seen


def _outcome(answer: Any) -> str:
    return "done" if isinstance(answer, list) else str(answer[0])


async def _written(
    desk: Desk, caller: Caller, who: Who, world: list[Document], request: Any, at: int
) -> Any:
    """What the caller is told; everything that is not its own is as it was."""
    await _filled(desk, world)
    before = await _held(desk)
    kind, body = deepcopy(request)
    target = IDS[at]
    try:
        if kind == "create":
            answer = await caller.create("posts", *body)
        elif kind == "delete":
            answer = await caller.delete("posts", target, IDS[(at + 1) % 4])
        else:
            options = {"replace": True, "method": "PUT"} if kind == "replace" else {}
            answer = [await caller.update("posts", target, body, **options)]
    except DuetError as error:
        assert before == await _held(desk), (request, error)
        return told(error)
    after = await _held(desk)
    written = [each for id_, each in after.items() if each != before.get(id_)]
    assert all(each["team"] == "red" for each in written), request
    for id_, document in before.items():
        is_gone = kind == "delete" and id_ not in after
        if document["team"] == "blue" or not (is_gone or kind == "create"):
            assert id_ in after
        if document["team"] == "blue":
            assert after[id_] == document, request
        elif id_ in after:
            # A new object gets what the server gives to all of them.
            new = {("address.door", "'1'")} if "address" not in document else set()
            kept = set(_others(after[id_], who)) - new
            assert kept == set(_others(document, who)), (request, document)
    return [_shown(each, kind) for each in answer]


async def _filled(desk: Desk, world: list[Document]) -> None:
    plan = WritePlan(desk.collection("posts"))
    await desk.stored("posts").delete_many({})
    made = []
    for id_, each in zip(IDS, world, strict=False):
        document = {"_id": id_, **deepcopy(each), "_version": 1}
        plan.compute(document)
        plan.tokenizer.apply(document)
        made.append(document)
    await desk.stored("posts").insert_many(made, bypass_document_validation=True)


async def _held(desk: Desk) -> dict[Any, Document]:
    return {each["_id"]: each async for each in desk.stored("posts").find()}


def _shown(document: Document, kind: str) -> Document:
    aside = {"_created", "_changed", *(["_id"] if kind == "create" else [])}
    return {name: each for name, each in document.items() if name not in aside}


def _mixed(who: Who, document: Document, other: Document) -> Document:
    """The document with the values of the other where the caller does not see them."""
    if document["team"] == "blue":
        return {**other, "team": "blue", "email": document["email"]}
    twin = _one(document, other, lambda name: who.sees(name))
    for name in filter(who.sees_in, ("address", "items")):
        twin.pop(name, None)
        if name in document:
            twin[name] = _inner(document[name], other.get(name), name, who)
    return {**twin, "team": "red", "email": document["email"]}


def _inner(value: Any, other: Any, path: str, who: Who) -> Any:
    if isinstance(value, list):
        others = [*(other or ()), *({} for _ in value)]
        return [_inner(*pair, path, who) for pair in zip(value, others, strict=False)]
    return _one(value, other or {}, lambda name: who.sees(f"{path}.{name}"))


def _one(value: Document, other: Document, sees: Callable[[str], bool]) -> Document:
    shown = {name: each for name, each in value.items() if sees(name)}
    return {**shown, **{name: each for name, each in other.items() if not sees(name)}}


def _others(document: Document, who: Who) -> Iterator[tuple[str, str]]:
    """The values that the caller may not write, each with its place."""
    leaves = _leaves({name: each for name, each in document.items() if name[0] != "_"}, "")
    return (each for each in leaves if not who.writes(each[0]))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Values under their paths, positions included, with the names that fields have now."""
    if isinstance(value, dict):
        for name, inner in value.items():
            now = {"mystery": "secret", "code": "zip"}.get(name, name)
            if now == name or now not in value:
                yield from _leaves(inner, f"{path}.{now}".strip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{number}")
    elif path not in DERIVED:
        yield path, repr(value)
