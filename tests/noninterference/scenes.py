"""Random collections with rules, and a caller who may not see everything in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any

from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.principal import Principal
from tests.oracle.scenes import FIELDS, OTHER_FIELDS, OTHERS, THINGS
from tests.oracle.values import Json

KIDS = "kids"
NAMES = (OTHERS, THINGS, KIDS)
EMAIL = "u@e.org"
PICTURES = ("1" * 24, "2" * 24, "3" * 24)
"""Ids that a photo may have: of two files, and of one that is gone."""
GATES = ("in", "in", "in", "out")
"""What decides, where there is a rule, on whether a document is seen; it never changes."""

_OWN: list[Json] = [
    {"name": "code", "type": "text", "searchable": True},
    {"name": "fresh", "type": "text", "renamedFrom": "stale"},
    {"name": "place", "type": "geo", "indexed": True},
    {"name": "friend", "type": THINGS, "relation": "one"},
    {"name": "photo", "type": "image"},
]
_KID_FIELDS: list[Json] = [
    {"name": "name", "type": "text"},
    {"name": "size", "type": "number"},
    {"name": "one", "type": OTHERS, "relation": "one"},
]
_FORMULAS: Mapping[str, Json] = {
    "older": {"name": "older", "type": "number", "formula": "{{age}} + 1"},
    "oldest": {"name": "oldest", "type": "number", "formula": "{{older}} * 2"},
    "loud": {"name": "loud", "type": "text", "formula": "upper({{title}})"},
}
_NUMBER = count()


@dataclass(frozen=True)
class Rule:
    """Which documents are seen: ``filter`` says it to the server, ``admits`` says it again here."""

    filter: Json
    admits: Callable[[Json, Mapping[Any, Json]], bool]


@dataclass(frozen=True)
class View:
    """What the caller sees of one collection.

    ``readable`` are the fields of a list, None without one. ``rule`` is None where
    all documents are seen, and ``reached`` says whether any are.
    """

    definition: Json
    readable: frozenset[str] | None
    rule: Rule | None
    reached: bool

    def sees(self, document: Json, others: Mapping[Any, Json]) -> bool:
        """``others`` are the documents of all collections by their ids."""
        return self.reached and (self.rule is None or self.rule.admits(document, others))

    @property
    def declared(self) -> list[tuple[str, Json]]:
        return list(walk(self.definition["fields"]))

    @property
    def hidden(self) -> frozenset[str]:
        """The declared paths of which nothing is seen."""
        flagged = {path for path, each in self.declared if each.get("hidden")}
        found = {
            path
            for path, _ in self.declared
            if any(_is_in(path, each) for each in flagged) or not self._is_listed(path)
        }
        for _ in range(len(_FORMULAS)):
            for path, each in self.declared:
                reads = each.get("formula", "")
                if any(f"{{{{{name}}}}}" in reads for name in found):
                    found.add(path)
        return frozenset(found)

    def _is_listed(self, path: str) -> bool:
        listed = self.readable
        if listed is None:
            return True
        return any(_is_in(path, each) or _is_in(each, path) for each in listed)


@dataclass(frozen=True)
class Scene:
    """The collections, who asks, and what that caller sees of each.

    With ``stray`` some values are such as only a writer beside the server leaves.
    The database refuses every write of a document with those, also where they are
    hidden: so much of these is not secret, and such a scene is only read.
    """

    views: Mapping[str, View]
    principal: Principal
    stray: bool = False

    @property
    def definitions(self) -> list[Json]:
        return [each.definition for each in self.views.values()]


def _is_in(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.")


def walk(fields: Sequence[Json], base: str = "") -> Iterator[tuple[str, Json]]:
    """The fields with their paths, those inside objects included."""
    for each in fields:
        path = f"{base}{each['name']}"
        yield path, each
        yield from walk(each.get("fields", ()), f"{path}.")


def make_scene(random: Random) -> Scene:
    """Three collections; the caller is a web key, or a user with a role."""
    names = random.sample(list(FIELDS), random.randint(4, 8))
    things = [FIELDS[name] for name in dict.fromkeys([*names, random.choice(["one", "many"])])]
    things += random.sample(_OWN, random.randint(1, 4))
    for name, read in (("older", "age"), ("oldest", "older"), ("loud", "title")):
        if any(each["name"] == read for each in things):
            things.append(_FORMULAS[name])
    things.append({"name": KIDS, "type": KIDS, "relation": "child"})
    fields = {OTHERS: OTHER_FIELDS, THINGS: things, KIDS: _KID_FIELDS}
    definitions = [
        {"name": name, "fields": [*_with_hidden(fields[name], random), _gate(random)]}
        for name in NAMES
    ]
    make = _as_key if random.random() < 0.4 else _as_user
    return replace(make(definitions, random), stray=random.random() < 0.5)


def _gate(random: Random) -> Json:
    return {"name": "gate", "type": "text", "hidden": random.random() < 0.5}


def _with_hidden(fields: Sequence[Json], random: Random) -> list[Json]:
    """Some of the fields are hidden, and some of those hold words that can be searched."""
    found = deepcopy(list(fields))
    for _, each in walk(found):
        if random.random() < (0.12 if "fields" in each else 0.3):
            each["hidden"] = True
            if each["type"] == "text" and "formula" not in each:
                each["searchable"] = random.random() < 0.6
    return found


def _as_key(definitions: list[Json], random: Random) -> Scene:
    listed = _listed([each for d in definitions for each in d["fields"]], random)
    rule = random.choice([None, _BY_GATE, _BY_GATE, _BY_NO_GATE])
    paths = random.choice([["/**"], ["/**"], ["/things/**"], ["/things/**", "/kids/**"]])
    key = WebKey(
        id=f"k{next(_NUMBER)}",
        paths=tuple(paths),
        filter=None if rule is None else rule.filter,
        readable=tuple(listed or ()),
    )
    reached = {name for name in NAMES if "/**" in paths or f"/{name}/**" in paths}
    if "/things/**" in paths:
        reached.add(KIDS)  # as the child list of things
    views = {
        each["name"]: View(each, listed, rule, each["name"] in reached) for each in definitions
    }
    return Scene(views, Principal(name="api", permissions=KeyPermissions(key), id="key:test"))


def _as_user(definitions: list[Json], random: Random) -> Scene:
    views = {}
    for each in definitions:
        rule = random.choice([None, _BY_GATE, _BY_GATE, _BY_USER, _BY_NO_GATE, _BY_OWNER])
        listed = _listed(each["fields"], random)
        given: Json = {"role": "reader"}
        if rule is _BY_OWNER:
            each["access"] = {"private": True}
        elif rule is not None:
            given["filter"] = rule.filter
        if listed is not None:
            given["readable"] = sorted(listed)
        reached = random.random() < 0.9 or each["name"] == THINGS
        rules = [given] if reached else [{"role": "somebody else"}]
        each["access"] = {**each.get("access", {}), "rules": rules}
        views[each["name"]] = View(each, listed, rule, reached)
    if random.random() < 0.25 and views[OTHERS].rule in (None, _BY_GATE) and views[OTHERS].reached:
        _rule_by_relation(views)
    user = {"email": EMAIL, "gate": "in"}
    permissions = RolePermissions(["reader"])
    return Scene(views, Principal(name=EMAIL, permissions=permissions, id="user:test", user=user))


def _rule_by_relation(views: dict[str, View]) -> None:
    """Kids are seen where the other that they refer to is let in; its gate does not change."""
    view = views[KIDS]
    view.definition["access"].pop("private", None)
    for each in view.definition["access"]["rules"]:
        each["filter"] = _BY_RELATION.filter
    views[KIDS] = View(view.definition, view.readable, _BY_RELATION, view.reached)


def _listed(fields: Sequence[Json], random: Random) -> frozenset[str] | None:
    """Names of fields, or of parts of them, that alone may be read; mostly there is no list."""
    if random.random() < 0.65:
        return None
    paths = sorted({path for path, _ in walk(fields)} | {"free"})
    return frozenset(random.sample(paths, max(1, len(paths) * 2 // 3)))


_BY_GATE = Rule({"gate": "in"}, lambda document, _: document.get("gate") == "in")
_BY_USER = Rule({"gate": "$user.gate"}, lambda document, _: document.get("gate") == "in")
_BY_NO_GATE = Rule({"gate": {"$ne": "out"}}, lambda document, _: document.get("gate") != "out")
_BY_OWNER = Rule({}, lambda document, _: document.get("_createdby") == EMAIL)
_BY_RELATION = Rule(
    {"one.gate": "in"},
    lambda document, others: any(
        others.get(each, {}).get("gate") == "in" for each in document.get("one") or ()
    ),
)
