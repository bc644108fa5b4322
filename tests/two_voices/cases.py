"""What is tried on a random collection: each case is one example of the property."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from hypothesis import strategies as st

from duetdb.schema_gen.field import Comparison, Field, Relation
from tests.two_voices.talk import Talk, without_nulls
from tests.two_voices.values import DIRTY, EXTRA, Drawn, Pair, value_of


@dataclass
class Scene:
    """One collection under test, and the documents that are in it."""

    talk: Talk
    definition: dict[str, Any]
    stored: Any
    other: Scene | None = None
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def own_fields(self) -> list[dict[str, Any]]:
        return [each for each in self.definition["fields"] if "relation" not in each]

    @property
    def link(self) -> Field:
        return next(each for each in self.talk.collection.fields if each.relation)

    async def check(self, identity: str) -> dict[str, Any]:
        """Both interfaces show the document alike, and as it was written."""
        rest, graphql = await self.talk.by_id(identity)
        assert rest is not None
        assert rest == graphql
        return rest


def _document(scene: Scene, draw: Drawn) -> Pair:
    parts = {each["name"]: value_of(each) for each in scene.own_fields}
    chosen = draw(st.fixed_dictionaries({}, optional=parts))
    extra = {f"x{name}": value for name, value in draw(EXTRA).items()}
    sent = {**{name: pair.sent for name, pair in chosen.items()}, **extra}
    answered = {**{name: pair.answered for name, pair in chosen.items()}, **extra}
    targets = sorted(scene.other.documents) if scene.other else []
    if scene.link.relation is not Relation.CHILD and targets:
        ids = draw(st.lists(st.sampled_from(targets), max_size=2, unique=True))
        if scene.link.relation is Relation.ONE:
            ids = ids[:1]
        sent[scene.link.name] = answered[scene.link.name] = ids
    return Pair(sent, answered)


def _expect(scene: Scene, shown: dict[str, Any], answered: dict[str, Any]) -> None:
    kept = {name: value for name, value in shown.items() if not name.startswith("_")}
    assert kept == without_nulls(answered)


async def create_by_rest(scene: Scene, draw: Drawn) -> None:
    pair = _document(scene, draw)
    made = await scene.talk.rest("POST", json=pair.sent)
    assert made.status_code == 201, made.text
    identity = made.json()["_id"]
    scene.documents[identity] = pair.answered
    _expect(scene, await scene.check(identity), pair.answered)


async def create_by_graphql(scene: Scene, draw: Drawn) -> None:
    pair = _document(scene, draw)
    body = await scene.talk.create(pair.sent)
    assert "errors" not in body, (pair.sent, body)
    identity = body["data"][scene.talk.collection.names.create]["_id"]
    scene.documents[identity] = pair.answered
    _expect(scene, await scene.check(identity), pair.answered)


async def update_by_either(scene: Scene, draw: Drawn) -> None:
    if not scene.documents:
        return await create_by_rest(scene, draw)
    identity = draw(st.sampled_from(sorted(scene.documents)))
    pair = _document(scene, draw)
    before = await scene.check(identity)
    if draw(st.booleans()):
        answer = await scene.talk.rest("PATCH", f"/{identity}", json=pair.sent)
        assert answer.status_code == 200, answer.text
    else:
        body = await scene.talk.update(identity, pair.sent)
        assert "errors" not in body, body
    after = await scene.check(identity)
    scene.documents[identity] = {**scene.documents[identity], **pair.answered}
    _expect(scene, after, scene.documents[identity])
    assert after["_version"] == before.get("_version", 0) + 1
    return None


async def same_refusal(scene: Scene, draw: Drawn) -> None:
    """A value of a wrong type is refused with the same list, and nothing is stored."""
    each = draw(st.sampled_from(scene.own_fields))
    wrong = {each["name"]: draw(st.sampled_from([{"no": {"such": 1}}, [[1]], "\ud7ff?", -0.001]))}
    count = await scene.stored.count_documents({})
    rest = await scene.talk.rest("POST", json=wrong)
    graphql = await scene.talk.create(wrong)
    if rest.status_code == 201:
        assert "errors" not in graphql, graphql
        await scene.stored.delete_many({"_id": {"$nin": [ObjectId(i) for i in scene.documents]}})
        return
    assert rest.status_code == 400, rest.text
    assert graphql["errors"][0]["extensions"]["list"] == rest.json()["list"]
    assert await scene.stored.count_documents({}) == count


async def dirty_value(scene: Scene, draw: Drawn) -> None:
    """What a writer beside the server left is raw in REST, and breaks no answer."""
    each = draw(st.sampled_from(scene.own_fields))
    identity = ObjectId()
    await scene.stored.insert_one(
        {"_id": identity, each["name"]: draw(st.sampled_from(DIRTY))},
        bypass_document_validation=True,
    )
    await scene.check(str(identity))
    await scene.stored.delete_one({"_id": identity})


async def same_question(scene: Scene, draw: Drawn) -> None:
    """A filter, an order and a page: by ``q`` in REST, by ``where`` and ``q`` in GraphQL."""
    query, where = _filter(scene, draw)
    sortable = [each for each in scene.talk.collection.fields if _sortable(each)]
    order = draw(st.lists(st.sampled_from(sortable), max_size=2, unique=True)) if sortable else []
    page = {"skip": draw(st.integers(0, 2)), "max": draw(st.integers(1, 5))}
    directed = [(each, draw(st.booleans())) for each in order]
    rest, typed, loose = await scene.talk.find(query, where, directed, page)
    assert rest == typed
    assert rest == loose


def _sortable(each: Field) -> bool:
    return _comparable(each) and not each.is_list


def _comparable(each: Field) -> bool:
    return each.relation is None and each.type.comparison is not Comparison.NONE and not each.fields


def _filter(scene: Scene, draw: Drawn) -> tuple[dict[str, Any], dict[str, Any]]:
    declared = [each for each in scene.talk.collection.fields if _comparable(each)]
    if not declared or not scene.documents or draw(st.integers(0, 5)) == 0:
        return {}, {}
    each = draw(st.sampled_from(declared))
    source = scene.documents[draw(st.sampled_from(sorted(scene.documents)))]
    value = source.get(each.name)
    if isinstance(value, list):
        value = value[0] if value else None
    operators = ["eq", "ne", "in", "nin", "exists"]
    if each.type.comparison in (Comparison.ORDER, Comparison.TEXT) and value is not None:
        operators += ["gt", "gte", "lt", "lte", "bt"]
    operator = draw(st.sampled_from(operators))
    operand: Any = value
    if operator == "exists":
        operand = draw(st.booleans())
    elif operator in ("in", "nin"):
        operand = [value]
    elif operator == "bt":
        operand = [value, value]
    word = "$not" if operator == "ne" else f"${operator}"
    condition = operand if operator == "eq" else {word: operand}
    return {each.name: condition}, {each.graphql_name: {operator: operand}}


async def same_deletion(scene: Scene, draw: Drawn) -> None:
    if len(scene.documents) < 3:
        return await create_by_graphql(scene, draw)
    identity = draw(st.sampled_from(sorted(scene.documents)))
    if draw(st.booleans()):
        answer = await scene.talk.rest("DELETE", f"/{identity}")
        assert answer.json() == {"result": [identity]}
    else:
        name = scene.talk.collection.names.delete
        body = await scene.talk.graphql(
            f"mutation($id: ID!) {{ {name}(id: $id) {{ _id }} }}", {"id": identity}
        )
        assert body == {"data": {name: {"_id": identity}}}
    del scene.documents[identity]
    for each in (scene, scene.other):
        for document in each.documents.values() if each else ():
            links = document.get(each.link.name) if each else None
            if isinstance(links, list) and identity in links:
                links.remove(identity)
    assert await scene.talk.by_id(identity) == (None, None)
    return None


CASES = [
    create_by_rest,
    create_by_graphql,
    update_by_either,
    same_refusal,
    dirty_value,
    same_question,
    same_deletion,
]
