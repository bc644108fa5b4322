"""Puts a scene into a server and asks it, by REST and by GraphQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from tests.oracle.evaluate import PAGE, Question
from tests.oracle.figures import AskedFigures
from tests.oracle.groups import Grouping
from tests.oracle.questions import Asked
from tests.oracle.scenes import GONE, OTHERS, THINGS, Scene
from tests.oracle.values import Json
from tests.oracle.world import Collection, World
from tests.voice_graphql.conftest import Voice


async def staged(voice: Voice, scene: Scene, now: datetime) -> World:
    """Stores the documents of a scene; what is stored then, read beside the server."""
    for name in (THINGS, OTHERS):
        await voice.database[name].delete_many({})
    await voice.define(*scene.definitions)
    ids = [*await voice.insert(OTHERS, *scene.others), str(GONE)]
    referring = [each["name"] for each in scene.definitions[1]["fields"] if each.get("relation")]
    await voice.insert(THINGS, *(_linked(each, referring, ids) for each in scene.clean))
    stray = [_linked(each, referring, list(map(ObjectId, ids))) for each in scene.stray]
    if stray:
        await voice.database[THINGS].insert_many(stray, bypass_document_validation=True)
    collections = {}
    for definition in scene.definitions:
        stored = await voice.database[definition["name"]].find().to_list()
        collections[definition["name"]] = Collection(definition, tuple(stored))
    return World(collections, now)


def _linked(document: Json, referring: list[str], ids: list[Any]) -> Json:
    """The document with ids in place of the numbers of the others."""
    links = {
        name: [ids[number] for number in document[name]]
        for name in referring
        if document.get(name) is not None
    }
    return {**document, **links}


class Refused(Exception):
    """The server understood a question and would not answer it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Mouth:
    """Asks a server in both languages."""

    voice: Voice

    async def documents(self, question: Question) -> Any:
        """A list by REST."""
        return await self._get(question, question.q, {})

    async def count(self, question: Question) -> Any:
        """Nothing but how many match, by REST."""
        return await self._get(question, question.q, {}, count="true")

    async def groups(self, asked: Grouping) -> Any:
        """Groups and figures by REST, in an envelope."""
        hints: Json = {"$groupby": asked.keys, "$aggregate": asked.measures}
        if asked.grand_total:
            hints["$aggregate-grand-total"] = True
        return await self._get(asked.question, asked.question.q, hints, totals="true")

    async def distinct(self, path: str, question: Question) -> Any:
        """Different values by REST, in an envelope."""
        return await self._get(question, {"$distinct": path, **question.q}, {}, totals="true")

    async def _get(self, question: Question, q: Mapping[str, Any], hints: Json, **more: Any) -> Any:
        answer = await self.voice.client.get(
            f"/rest/{question.collection}", params=[*params_of(question, q, hints), *more.items()]
        )
        if answer.status_code == 400:
            raise Refused(answer.json()["message"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def graphql(self, asked: Asked, argument: str, value: Any) -> list[str]:
        """The ids of a list by GraphQL, the filter given as ``q`` or ``where``."""
        question = asked.question
        type_ = question.collection.capitalize()
        kind = f"{type_}Where" if argument == "where" else "JSON"
        body = await self.voice.answer(
            f"query($f: {kind}, $words: String, $order: [{type_}OrderBy!], $skip: Int, "
            f"$max: Int) {{ {question.collection}({argument}: $f, filter: $words, "
            "orderBy: $order, skip: $skip, max: $max) { _id } }",
            f=value,
            words=question.words,
            order=asked.order_by,
            skip=question.skip,
            max=question.max,
        )
        return [each["_id"] for each in _data(body)[question.collection]]

    async def figures(self, asked: AskedFigures) -> list[Json]:
        """The rows of groups by GraphQL; each figure is under its alias, whatever is around it."""
        name = asked.aggregation.question.collection
        types = {each: type_.format(name.capitalize()) for each, type_ in TYPES.items()}
        declared = ", ".join(f"${each}: {types[each]}" for each in asked.arguments)
        passed = ", ".join(f"{each}: ${each}" for each in asked.arguments)
        rows = f"rows: {name}Aggregate({passed}) {{ group {asked.selection} }}"
        body = await self.voice.answer(f"query({declared}) {{ {rows} }}", **asked.arguments)
        return [
            {alias: _inside(alias, value) for alias, value in row.items()}
            for row in _data(body)["rows"]
        ]


TYPES = {
    "groupBy": "[{}Field!]",
    "timeZone": "String",
    "having": "{}Having",
    "orderBy": "[{}AggregateOrderBy!]",
    "max": "Int",
    "q": "JSON",
    "where": "{}Where",
}


def _inside(alias: str, value: Any) -> Any:
    while alias != "group" and isinstance(value, dict):
        (value,) = value.values()
    return value


def _data(body: Json) -> Json:
    """``data`` of an answer; raises ``Refused`` for an error."""
    if "errors" in body:
        raise Refused(body["errors"][0]["message"])
    return dict(body["data"])


def params_of(question: Question, q: Mapping[str, Any], hints: Json) -> list[tuple[str, Any]]:
    """The question as parameters of a URL."""
    if question.fields:
        hints = {"$fields": question.fields, **hints}
    params: list[tuple[str, Any]] = [("q", json.dumps(q)), ("h", json.dumps(hints))]
    if question.max != PAGE:
        params.append(("max", question.max))
    for path, direction in question.order:
        params += [("sort", path), ("dir", direction)]
    return [*params, ("skip", question.skip), ("filter", question.words)]
