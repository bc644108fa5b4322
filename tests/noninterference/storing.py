"""What is stored for a scene, and the same with other values wherever the caller sees nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from random import Random
from typing import Any, TypeAlias

from bson import ObjectId

from duetdb.app.service.stored_names import under_new_names
from duetdb.app.service.tokens import MAX_TOKENS, Tokenizer
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.build import build_schema
from tests.noninterference.scenes import EMAIL, GATES, KIDS, NAMES, PICTURES, Scene, View
from tests.oracle.conditions import POOLS
from tests.oracle.scenes import GONE, INTEGERS, TEXTS, THINGS, VALUES, Make
from tests.oracle.values import Json

Stored: TypeAlias = Mapping[str, list[Json]]
"""The documents of each collection, in the order in which they are inserted."""

Ids: TypeAlias = dict[str, list[ObjectId]]
_STRAY = "stray"
"""Ids of nothing; there are some where also the values are such as only others write."""
_CROWD = " ".join(f"w{number}" for number in range(MAX_TOKENS + 6))
"""A text with more words than are kept of a document."""
_TEXTS = [*TEXTS, "zz", "A b c", "bee", _CROWD, _CROWD, _CROWD]
_POINTS = [{"type": "Point", "coordinates": [x, 1.0]} for x in (0.0, 1.0, 2.0, 50.0)]
_PHOTOS = [[ObjectId(each) for each in PICTURES[:n]] for n in range(4)]
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T|$)")
_ANY = [None, True, 0, 1, 2.5, "a", "zz top", [], [1, 2], {"k": 1}, [{"k": 2}], "in", "small"]


def _makes() -> dict[str, Make]:
    def of(pool: list[Any]) -> Make:
        return lambda random: random.choice(pool)

    texts = of(_TEXTS)
    own = dict.fromkeys(("code", "fresh", "name", "text"), texts)
    numbers = dict.fromkeys(("size", "older", "oldest"), of(INTEGERS))
    others = {"loud": of(["A", "B"]), "place": of(_POINTS), "photo": of(_PHOTOS)}
    return {**VALUES, **own, **numbers, **others}


_MAKES = _makes()


def stored(scene: Scene, random: Random) -> Stored:
    """Documents of all collections, some of which the caller may not see."""
    ids: Ids = {name: [ObjectId() for _ in range(random.randint(5, 9))] for name in NAMES}
    ids[_STRAY] = [GONE] if scene.stray else []
    found = {
        name: [_document(scene.views[name], each, ids, random) for each in ids[name]]
        for name in NAMES
    }
    _derive(scene, found)
    return found


def flipped(scene: Scene, before: Stored, random: Random) -> Stored:
    """The same to the caller: hidden values are others, and so are hidden documents."""
    everything = {each["_id"]: each for documents in before.values() for each in documents}
    ids: Ids = {name: [each["_id"] for each in before[name]] for name in NAMES}
    ids[_STRAY] = [GONE] if scene.stray else []
    found: dict[str, list[Json]] = {}
    for name in NAMES:
        view, after = scene.views[name], list[Json]()
        for each in deepcopy(before[name]):
            if view.sees(each, everything):
                _flip(each, view, ids, random)
            elif random.random() < 0.4:
                continue
            elif random.random() < 0.7:
                _rewrite(each, view, ids, random)
            after.append(each)
        if view.rule is not None or not view.reached:
            for _ in range(random.randint(0, 3)):
                after.insert(random.randint(0, len(after)), _hidden(view, ids, random))
        found[name] = after
    _derive(scene, found)
    return found


def _document(view: View, id_: ObjectId, ids: Ids, random: Random) -> Json:
    document: Json = {"_id": id_, "_version": random.randint(0, 2), "gate": random.choice(GATES)}
    document["_createdby"] = random.choice([EMAIL, EMAIL, "api"])
    fields = [each for each in view.definition["fields"] if each["name"] not in ("gate", KIDS)]
    for each in (*fields, {"name": "free", "type": "JSON"}):
        if random.random() < 0.75:
            document[_stored_name(each, random)] = _value(each, ids, random)
    if view.definition["name"] == KIDS:
        parent = {"_parent_id": random.choice(ids[THINGS]), "_parent_def": THINGS}
        document |= {**parent, "_parent_field": KIDS}
    return document


def _stored_name(field: Json, random: Random) -> str:
    """The data of renamed fields may not have moved yet."""
    name: str = field["name"]
    former: str | None = field.get("renamedFrom")
    return former if former is not None and random.random() < 0.5 else name


def _value(field: Json, ids: Ids, random: Random) -> Any:
    name = field["name"]
    if field.get("relation"):
        most = 1 if field["relation"] == "one" else 3
        chosen = random.sample(ids[field["type"]], random.randint(0, most))
        return [*chosen, GONE] if ids[_STRAY] and random.random() < 0.1 else chosen
    if ids[_STRAY] and random.random() < 0.08 and field["type"] != "geo":
        return _any(random)
    if field["type"] == "text" and not field.get("multiple"):
        return random.choice(_TEXTS)
    if name in _MAKES:
        return _dated(_MAKES[name](random))
    return _dated(random.choice(POOLS.get(field["type"], _ANY)))


def _any(random: Random) -> Any:
    """One of its own: two fields that shared a list would change together."""
    return deepcopy(random.choice(_ANY))


def _dated(value: Any) -> Any:
    """With dates in place of their texts, inside of it as well."""
    if isinstance(value, list):
        return [_dated(each) for each in value]
    if isinstance(value, dict):
        return {name: _dated(each) for name, each in value.items()}
    if isinstance(value, str) and _DATE.match(value):
        return datetime.fromisoformat(value.removesuffix("Z"))
    return value


def _hidden(view: View, ids: Ids, random: Random) -> Json:
    """A new document that the caller does not see."""
    document = _document(view, ObjectId(), ids, random)
    document |= {"gate": "out", "_createdby": "api"}
    if view.rule is not None and "one.gate" in view.rule.filter:
        document["one"] = []
    return document


def _rewrite(document: Json, view: View, ids: Ids, random: Random) -> None:
    """Other values in a document that is not seen, but for what keeps it from being seen."""
    named = ("_id", "gate", "_createdby")
    kept: Json = {name: document[name] for name in named if name in document}
    if view.rule is not None and "one.gate" in view.rule.filter:
        kept["one"] = document.get("one")
    other = _document(view, document["_id"], ids, random)
    document.clear()
    document |= {**other, **kept}


def _flip(document: Json, view: View, ids: Ids, random: Random) -> None:
    """Other values, more or less of them, wherever the caller sees none."""
    guarded = {"gate"} | ({"one"} if view.rule and "one.gate" in view.rule.filter else set())
    hidden = view.hidden
    for path, field in view.declared:
        if path in hidden and path not in guarded and random.random() < 0.8:
            *parents, name = path.split(".")
            for holder in _holders(document, parents):
                _put(holder, name, field, ids, random)
    if view.readable is not None and "free" not in view.readable:
        for name in ("free", "zz"):
            document.pop(name, None)
            if random.random() < 0.6:
                document[name] = _any(random)


def _put(holder: Json, name: str, field: Json, ids: Ids, random: Random) -> None:
    if field.get("relation") == "child":
        return
    for each in (name, field.get("renamedFrom", name)):
        holder.pop(each, None)
    if random.random() < 0.75:
        holder[_stored_name(field, random)] = _value(field, ids, random)


def _holders(value: Any, parents: list[str]) -> Iterator[Json]:
    if isinstance(value, list):
        for each in value:
            yield from _holders(each, parents)
    elif isinstance(value, dict):
        if not parents:
            yield value
        elif parents[0] in value:
            yield from _holders(value[parents[0]], parents[1:])


def _derive(scene: Scene, documents: Stored) -> None:
    """The words of all searchable fields, as every write keeps them, and its formulas.

    Where a scene is only read, formulas may be such as were never computed.
    """
    schema = build_schema({each["name"]: each for each in scene.definitions}, version=1)
    for name in NAMES:
        collection = schema.collections[name]
        tokenizer, plan = Tokenizer(collection), WritePlan(collection)
        for each in documents[name]:
            moved = deepcopy(each)
            under_new_names([moved], collection)
            if not scene.stray:
                plan.compute(moved)
            tokenizer.apply(moved)
            for derived in ("_keywords", "_tags", *(one.path for one in plan.computed)):
                each.pop(derived, None)
                if derived in moved:
                    each[derived] = moved[derived]
