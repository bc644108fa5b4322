"""Groups, figures and different values, computed one document after the other (SPEC 7.2, 7.6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from tests.oracle.evaluate import Question, matching, page, shown
from tests.oracle.moments import PARTS, formatted
from tests.oracle.paths import split
from tests.oracle.values import MISSING, Json, date_text, key, wire
from tests.oracle.world import World


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Texts as REST takes them: ``$YEAR:born`` and ``SUM:weight``.

    With ``page_only`` the figures are about the page that the question means,
    else about every document that matches.
    """

    question: Question
    keys: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    grand_total: bool = False
    page_only: bool = False


def grouped(asked: Grouping, world: World) -> Json:
    """The answer: objects by the texts of keys, with documents or figures in the innermost."""
    documents = _selected(asked, world)
    groups: Json = _level(asked, documents, asked.keys, world)
    return groups


def _selected(asked: Grouping, world: World) -> list[Json]:
    question = asked.question
    if asked.page_only or not asked.measures:
        return page(question, world)
    return matching(question, world)[question.skip :]


def _level(asked: Grouping, documents: Sequence[Json], keys: Sequence[str], world: World) -> Any:
    if not keys:
        if asked.measures:
            return _figures(asked, documents, world)
        return [shown(asked.question, world, each) for each in documents]
    groups: dict[str, list[Json]] = {}
    for each in documents:
        groups.setdefault(_key_text(keys[0], each, asked.question, world), []).append(each)
    total = _figures(asked, documents, world) if asked.grand_total else {}
    return total | {text: _level(asked, found, keys[1:], world) for text, found in groups.items()}


def count_of(asked: Grouping, world: World) -> int:
    """What totals call ``count``: the innermost groups, or the documents in them."""
    documents = _selected(asked, world)
    if not asked.measures:
        return len(documents)
    if not asked.keys:
        return 1
    keys = {
        tuple(_key_text(name, each, asked.question, world) for name in asked.keys)
        for each in documents
    }
    return len(keys)


def _key_text(name: str, document: Json, question: Question, world: World) -> str:
    return text(key_value(name, document, question, world))


def key_value(name: str, document: Json, question: Question, world: World) -> Any:
    """What a document is grouped by; a part or a format of a date is null for anything else."""
    if not name.startswith("$"):
        return value_at(name, document, question, world)
    function, _, path = name[1:].rpartition(":")
    value = value_at(path, document, question, world)
    if not isinstance(value, datetime):
        return None
    if function.startswith("DATE."):
        return formatted(function.removeprefix("DATE."), value)
    return PARTS[function](value)


def text(value: Any) -> str:
    """The name of a group: null, a number's or truth value's JSON, list elements with commas."""
    if value is MISSING or value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime):
        return date_text(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ",".join(_json(each) if isinstance(each, list) else text(each) for each in value)
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(wire(value), separators=(",", ":"), ensure_ascii=False)


def _figures(asked: Grouping, documents: Sequence[Json], world: World) -> Json:
    """Each function's name in capitals, a space, and the text behind the colon."""
    found: Json = {}
    for measure in asked.measures:
        function, _, path = measure.partition(":")
        name = f"{function.upper()} {path}"
        found[name] = FIGURES[function.upper()](documents, path, asked.question, world)
    return found


Figure = Callable[[Sequence[Json], str, Question, World], Any]


def numbers(documents: Sequence[Json], path: str, question: Question, world: World) -> list[Any]:
    found = [each for d in documents for each in elements_at(path, d, question, world)]
    return [each for each in found if isinstance(each, int | float) and not isinstance(each, bool)]


def average(numbers: Sequence[Any]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _extreme(best: Callable[..., Any]) -> Figure:
    """The document with the least or greatest value, of equals the one with the lower id."""

    def find(documents: Sequence[Json], path: str, question: Question, world: World) -> Any:
        values = {}
        for each in sorted(documents, key=lambda document: document["_id"]):
            there = elements_at(path, each, question, world)
            keys = [key(value) for value in there if value is not None]
            if keys:
                values[each["_id"]] = best(keys)
        if not values:
            return None
        id_ = best(values, key=values.__getitem__)
        return shown(question, world, next(each for each in documents if each["_id"] == id_))

    return find


FIGURES: Mapping[str, Figure] = {
    "COUNT": lambda documents, path, question, world: len(documents),
    "SUM": lambda *about: sum(numbers(*about)),
    "AVG": lambda *about: average(numbers(*about)),
    "MIN": _extreme(min),
    "MAX": _extreme(max),
}


def distinct(path: str, question: Question, world: World) -> list[Any]:
    """All different values in order, list elements one by one; downwards if sorted so."""
    found: dict[Any, Any] = {}
    for document in matching(question, world):
        for each in elements_at(path, document, question, world):
            found.setdefault(key(each), each)
    falling = question.order[:1] == ((path, -1),)
    return [found[each] for each in sorted(found, reverse=falling)]


def value_at(path: str, document: Json, question: Question, world: World) -> Any:
    """The value that a path leads to: a list where one is on the way; MISSING without any."""
    target = world.target(question.collection, split(path))
    if not target.rest:
        return _value(document, target.stored)
    found = [
        each for other in world.related(target, document) for each in _elements(other, target.rest)
    ]
    return found if len(found) > 1 else found[0] if found else MISSING


def elements_at(path: str, document: Json, question: Question, world: World) -> list[Any]:
    """All values that a path leads to, those of lists one by one."""
    target = world.target(question.collection, split(path))
    if not target.rest:
        return _elements(document, target.stored)
    return [
        each for other in world.related(target, document) for each in _elements(other, target.rest)
    ]


def _value(value: Any, path: Sequence[str]) -> Any:
    if not path:
        return value
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        if name.isdigit():
            return _value(value[int(name)], rest) if int(name) < len(value) else MISSING
        found = [
            _value(each[name], rest) for each in value if isinstance(each, dict) and name in each
        ]
        return [each for each in found if each is not MISSING]
    return _value(value[name], rest) if isinstance(value, dict) and name in value else MISSING


def _elements(value: Any, path: Sequence[str]) -> list[Any]:
    if not path:
        return value if isinstance(value, list) else [value]
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        return _elements(value[name], rest) if name in value else []
    if not isinstance(value, list):
        return []
    if name.isdigit():
        return _elements(value[int(name)], rest) if int(name) < len(value) else []
    return [found for each in value if isinstance(each, dict) for found in _elements(each, path)]
