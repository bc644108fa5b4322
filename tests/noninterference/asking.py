"""Requests of every kind about a scene, in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bson import ObjectId

from tests.noninterference.scenes import KIDS, NAMES, PICTURES, Scene
from tests.noninterference.storing import Stored
from tests.oracle.asking import TYPES, params_of
from tests.oracle.conditions import mangled
from tests.oracle.figures import FigureAsker
from tests.oracle.questions import Asker
from tests.oracle.scenes import GONE, OTHERS, THINGS
from tests.oracle.values import Json


@dataclass(frozen=True)
class Request:
    """What is sent; ``writes`` says that it may change what is stored."""

    method: str
    path: str
    params: tuple[tuple[str, Any], ...] = ()
    body: Any = None
    writes: bool = False


_WORDS = ["a", "zz", "b c", "bee", "w1", "w69", "é", "10", "top zz", "ab", "Z"]
_FLAGS = [
    *("metafields", "metafields", "fetchchildren", "idtolink", "flatten", "totals", "count"),
    *("referencedby", "fetchmediadata", "fetchmediadata"),
]
_FORMS = ["", "", "", ".json", ".csv", ".ndjson", ".html"]
_SYSTEM = [*("_id _version _created _createdby _keywords _tags _parent_id").split(), "free", "gate"]
_POINT = {"$geometry": {"type": "Point", "coordinates": [0.5, 1.0]}}


class Requests:
    """Makes requests by the caller of a scene about what is stored before and after."""

    def __init__(self, random: Random, scene: Scene, before: Stored, after: Stored) -> None:
        self._random = random
        self._scene = scene
        self._ids = {
            name: list({each["_id"]: None for each in (*before[name], *after[name])})
            for name in NAMES
        }

    def read(self) -> Request:
        kinds: list[Callable[[], Request]] = [
            *([self._list] * 4),
            *([self._groups] * 2),
            *([self._graphql_list] * 3),
            *([self._through] * 3),
            *(self._distinct, self._by_id, self._children, self._words, self._near),
            *(self._figures, self._connection, self._graphql_id, self._order_by_hidden),
        ]
        return self._made(kinds)

    def write(self) -> Request:
        kinds: list[Callable[[], Request]] = [
            *([self._patch] * 2),
            *(self._post, self._put, self._delete, self._graphql_write),
        ]
        return self._made(kinds)

    def _made(self, kinds: Sequence[Callable[[], Request]]) -> Request:
        return self._random.choice(kinds)()

    def _one(self, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)

    def _chance(self, of: int) -> bool:
        return self._random.randrange(of) == 0

    def _id(self, name: str) -> ObjectId:
        return GONE if self._chance(12) else self._one(self._ids[name])

    def _name(self) -> str:
        return str(self._one([THINGS, THINGS, THINGS, OTHERS, KIDS]))

    def _fields(self, name: str, visible: bool = False) -> list[Json]:
        """The fields to ask by: all of them, or only those of which something is seen."""
        view = self._scene.views[name]
        hidden = view.hidden if visible else frozenset[str]()
        found: list[Json] = []
        for each in view.definition["fields"]:
            if each["name"] in hidden or each["type"] in ("geo", "image", KIDS, THINGS):
                continue
            if "fields" in each:
                parts = [
                    one for one in each["fields"] if f"{each['name']}.{one['name']}" not in hidden
                ]
                if not parts:
                    continue
                each = {**each, "fields": parts}
            found.append(each)
        return found or [{"name": "nothing", "type": "text"}]

    def _asker(self, name: str, visible: bool = False) -> Asker:
        ids = [*self._ids[THINGS], *self._ids[OTHERS]]
        return Asker(self._random, name, self._fields(name, visible), ids)

    def _flags(self) -> list[tuple[str, str]]:
        return [(each, "true") for each in {self._one(_FLAGS) for _ in range(self._one([0, 1, 3]))}]

    def _list(self) -> Request:
        name = self._name()
        question = self._asker(name, self._chance(2)).asked().question
        sent = [*params_of(question, question.q, {}), *self._flags()]
        return Request("GET", f"/rest/{name}{self._one(_FORMS)}", tuple(sent))

    def _order_by_hidden(self) -> Request:
        """What is hidden, or around it, or system fields, looked at in the plainest of ways."""
        name = self._name()
        paths = [path for path, _ in self._scene.views[name].declared] + _SYSTEM
        path = self._one(paths)
        if self._chance(5):
            path = f"{self._one(['one', 'many', 'friend', 'kids'])}.{path}"
        if self._chance(6):
            path = path.replace(".", ".0.", 1)
        how = self._one(["sort", "exists", "eq", "group", "max", "fields", "stale"])
        q: Json = {}
        sent: list[tuple[str, Any]] = [("metafields", "true")] if self._chance(3) else []
        if how == "sort":
            sent += [("sort", path), ("dir", self._one([1, -1]))]
        elif how == "group":
            sent += [("h", json.dumps({"$groupby": [path], "$aggregate": ["COUNT:"]}))]
        elif how == "max":
            function = self._one(["MAX", "MIN", "SUM", "AVG"])
            sent += [("h", json.dumps({"$aggregate": [f"{function}:{path}"]}))]
        elif how == "fields":
            sent += [("h", json.dumps({"$fields": {path: self._one([0, 1])}}))]
        else:
            path = "stale" if how == "stale" else path
            q = {path: {"$exists": True} if how == "exists" else self._one([0, 1, "a", "ab", None])}
        return Request("GET", f"/rest/{name}", (("q", json.dumps(q)), *sent))

    def _through(self) -> Request:
        """What lies behind a relation, by which documents are found, ordered and counted."""
        name = self._one([THINGS, THINGS, KIDS])
        fields = self._scene.views[name].definition["fields"]
        relation = self._one([each for each in fields if each.get("relation") in ("one", "many")])
        there = self._fields(relation["type"], visible=not self._chance(3))
        path = f"{relation['name']}.{self._one(there)['name']}"
        how = self._one(["sort", "group", "max", "distinct", "exists", "value"])
        if how == "sort":
            return Request("GET", f"/rest/{name}", (("sort", path), ("dir", self._one([1, -1]))))
        if how in ("group", "max"):
            function = self._one(["COUNT", "MAX", "MIN", "SUM"])
            hints: Json = {"$aggregate": [f"{function}:{path}"]}
            hints |= {"$groupby": [path]} if how == "group" else {}
            return Request("GET", f"/rest/{name}", (("h", json.dumps(hints)),))
        value = {"$exists": True} if how == "exists" else self._one([0, 1, 2, 3, "a", "ab", None])
        q = {"$distinct": path} if how == "distinct" else {path: value}
        return Request("GET", f"/rest/{name}", (("q", json.dumps(q)), *self._flags()))

    def _groups(self) -> Request:
        name = self._name()
        asked = self._asker(name, self._chance(2)).grouping()
        hints: Json = {"$groupby": asked.keys, "$aggregate": asked.measures}
        if asked.grand_total:
            hints["$aggregate-grand-total"] = True
        sent = params_of(asked.question, asked.question.q, hints)
        return Request("GET", f"/rest/{name}", (*sent, *self._flags()))

    def _distinct(self) -> Request:
        name = self._name()
        asker = self._asker(name)
        question = asker.asked().question
        q = {"$distinct": asker.place(), **question.q}
        return Request("GET", f"/rest/{name}", (*params_of(question, q, {}), *self._flags()))

    def _by_id(self) -> Request:
        name = self._name()
        path = f"/rest/{name}/{self._id(name)}{self._one(['', '', '', '.html'])}"
        flags = [(each, "true") for each in self._random.sample(_FLAGS, self._one([0, 1, 3]))]
        return Request("GET", path, tuple(flags))

    def _children(self) -> Request:
        path = f"/rest/{THINGS}/{self._id(THINGS)}/{KIDS}"
        if self._chance(3):
            return Request("GET", f"{path}/{self._id(KIDS)}")
        question = self._asker(KIDS, True).asked().question
        return Request("GET", path, (*params_of(question, question.q, {}), *self._flags()))

    def _words(self) -> Request:
        sent = [("filter", self._one(_WORDS)), *self._flags()]
        if self._chance(4):
            sent.append(("q", json.dumps(self._asker(THINGS, True).filter().q)))
        return Request("GET", f"/rest/{self._name()}{self._one(_FORMS)}", tuple(sent))

    def _near(self) -> Request:
        near: Json = {"place": {"$near": {**_POINT, "$maxDistance": self._one([10, 2e5, 1e7])}}}
        if self._chance(2):
            near |= self._asker(THINGS, True).filter(0).q
        return Request("GET", f"/rest/{THINGS}", (("q", json.dumps(near)), *self._flags()))

    def _graphql(self, text: str, variables: Json, writes: bool = False) -> Request:
        body = {"query": text, "variables": variables}
        return Request("POST", "/graphql", body=body, writes=writes)

    def _selection(self, name: str, depth: int = 1) -> str:
        """Most fields of which something is seen, and once in a while one that is not there."""
        found = ["_id"]
        for each in self._fields(name, visible=not self._chance(15)):
            if self._chance(4):
                continue
            if each.get("relation"):
                if depth and self._scene.views[each["type"]].reached:
                    found.append(f"{each['name']} {{ {self._selection(each['type'], depth - 1)} }}")
            elif "fields" in each:
                inner = " ".join(one["name"] for one in each["fields"])
                found.append(f"{mangled(each['name'])} {{ {inner} }}")
            else:
                found.append(mangled(each["name"]))
        if name == THINGS and depth and self._scene.views[KIDS].reached and self._chance(2):
            found.append(f"kids(max: 3) {{ {self._selection(KIDS, depth - 1)} }}")
        if name == THINGS and self._chance(3):
            found.append("photo { _id url origname width }")
        if name == OTHERS and depth and self._chance(3):
            found.append("kidsByOne { _id }")
        if self._chance(3):
            found.append(self._one(["_extra", "_version", "_keywords", "_createdby", "_parent_id"]))
        return " ".join(found)

    def _graphql_list(self) -> Request:
        name = self._name()
        asked = self._asker(name, not self._chance(4)).asked()
        argument = "where" if asked.where is not None and self._chance(2) else "q"
        type_ = name.capitalize()
        kind = f"{type_}Where" if argument == "where" else "JSON"
        text = (
            f"query($f: {kind}, $words: String, $order: [{type_}OrderBy!], $skip: Int, $max: Int) "
            f"{{ {name}({argument}: $f, filter: $words, orderBy: $order, skip: $skip, max: $max) "
            f"{{ {self._selection(name)} }} }}"
        )
        question = asked.question
        given = asked.where if argument == "where" else dict(question.q)
        variables = {
            "f": given,
            "words": question.words or (self._one(_WORDS) if self._chance(5) else ""),
            "order": asked.order_by,
            "skip": question.skip,
            "max": question.max,
        }
        return self._graphql(text, variables)

    def _connection(self) -> Request:
        name = self._name()
        asked = self._asker(name, True).asked()
        type_ = name.capitalize()
        text = (
            f"query($f: {type_}Where, $order: [{type_}OrderBy!]) {{ {name}Connection(where: $f, "
            f"orderBy: $order, first: {self._one([1, 3, 50])}) {{ totalCount pageInfo "
            "{ hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node "
            f"{{ {self._selection(name)} }} }} }} }}"
        )
        return self._graphql(text, {"f": asked.where, "order": asked.order_by})

    def _figures(self) -> Request:
        name = self._one([THINGS, OTHERS])
        fields = self._fields(name, visible=not self._chance(4))
        asked = FigureAsker(self._random, name, fields, self._ids[OTHERS]).aggregation()
        types = {each: type_.format(name.capitalize()) for each, type_ in TYPES.items()}
        declared = ", ".join(f"${each}: {types[each]}" for each in asked.arguments)
        passed = ", ".join(f"{each}: ${each}" for each in asked.arguments)
        head = f"query({declared})" if declared else "query"
        call = f"{name}Aggregate({passed})" if passed else f"{name}Aggregate"
        text = f"{head} {{ rows: {call} {{ group {asked.selection} }} }}"
        return self._graphql(text, dict(asked.arguments))

    def _graphql_id(self) -> Request:
        name = self._name()
        text = f"query($id: ID!) {{ {name}ById(id: $id) {{ {self._selection(name, 2)} }} }}"
        return self._graphql(text, {"id": str(self._id(name))})

    def _change(self, name: str) -> Json:
        """Some properties, mostly such as may be written."""
        fields = self._fields(name, visible=not self._chance(6))
        chosen = self._random.sample(fields, min(len(fields), self._one([1, 1, 2])))
        found: Json = {}
        for each in chosen:
            if each.get("relation"):
                found[each["name"]] = [str(self._id(each["type"]))]
            elif "formula" not in each:
                found[each["name"]] = self._one([None, "a", 1, True, {"city": "b"}, [], "in"])
        if name == THINGS and self._chance(3):
            found["photo"] = [self._one(PICTURES)]
        return found

    def _patch(self) -> Request:
        name = self._name()
        path = f"/rest/{name}/{self._id(name)}"
        body: Json = self._change(name)
        if self._chance(4):
            body = {self._one(["$inc", "$push", "$unset", "$set"]): dict.fromkeys(body, 1)}
        return Request("PATCH", path, self._written(), body, writes=True)

    def _post(self) -> Request:
        name = self._name()
        path = f"/rest/{name}"
        if name == KIDS and self._chance(2):
            path = f"/rest/{THINGS}/{self._id(THINGS)}/{KIDS}"
        body: Any = {"gate": "in", **self._change(name)}
        if self._chance(3):
            body = [body, self._change(name)]
        return Request("POST", path, self._written(), body, writes=True)

    def _put(self) -> Request:
        name = self._name()
        path = f"/rest/{name}/{self._id(name)}"
        body = {"gate": "in", **self._change(name)}
        return Request("PUT", path, self._written(), body, writes=True)

    def _written(self) -> tuple[tuple[str, str], ...]:
        return (("validate", "false"),) if self._chance(3) else ()

    def _delete(self) -> Request:
        name = self._name()
        return Request("DELETE", f"/rest/{name}/{self._id(name)}", writes=True)

    def _graphql_write(self) -> Request:
        name = self._name()
        type_ = name.capitalize()
        data, id_ = self._change(name), str(self._id(name))
        selection = self._selection(name)
        how: Mapping[str, tuple[str, Json]] = {
            "update": (
                f"mutation($d: {type_}Input!, $id: ID!) {{ update{type_}(id: $id, data: $d) "
                f"{{ {selection} }} }}",
                {"d": data, "id": id_},
            ),
            "create": (
                f"mutation($d: {type_}Input!) {{ create{type_}(data: $d) {{ {selection} }} }}",
                {"d": {"gate": "in", **data}},
            ),
            "delete": (
                f"mutation($id: ID!) {{ delete{type_}(id: $id) {{ {selection} }} }}",
                {"id": id_},
            ),
        }
        text, variables = how[self._one(list(how))]
        return self._graphql(text, variables, writes=True)
