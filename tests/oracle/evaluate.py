"""Lists of documents: filter, words, order, page and fields (SPEC 6, 7)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle.filters import Filter
from tests.oracle.paths import only, order_keys, split, values, without
from tests.oracle.values import Json, Key, key
from tests.oracle.world import World

PAGE = 1000
"""How many documents a page holds unless a question says it."""
_TEXTS = ("text", "email", "option")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of one collection; ``words`` is the text filter, ``order`` has -1 and 1."""

    collection: str
    q: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    order: tuple[tuple[str, int], ...] = ()
    skip: int = 0
    max: int = PAGE
    fields: Mapping[str, int] = field(default_factory=dict)


def matching(question: Question, world: World) -> list[Json]:
    """The documents that match, in the order that was asked for, without a page."""
    selects = Filter(world, question.collection)
    documents = world.collections[question.collection].documents
    wanted = list(_tokens(question.words))
    found = [
        each
        for each in documents
        if selects.matches(question.q, each) and _has_words(question, world, wanted, each)
    ]
    return in_order(found, question, world)


def page(question: Question, world: World) -> list[Json]:
    found = matching(question, world)
    return found[question.skip : question.skip + question.max]


def in_order(found: Sequence[Json], question: Question, world: World) -> list[Json]:
    """Sorted by all keys; ``_id`` comes last and turns with the key before it.

    A list counts by its least element, or by its greatest one downwards. A
    field that comes again is not looked at.
    """
    order: dict[str, int] = {}
    for path, direction in question.order:
        order.setdefault(path, direction)
    kept = list(order.items())
    ordered = sorted(found, key=lambda each: each["_id"], reverse=bool(kept) and kept[-1][1] < 0)
    for path, direction in reversed(kept):
        best = min if direction > 0 else max
        keys = {each["_id"]: best(_keys(path, each, question, world)) for each in found}
        ordered.sort(key=_by(keys), reverse=direction < 0)
    return ordered


def _by(keys: Mapping[Any, Key]) -> Callable[[Json], Key]:
    return lambda document: keys[document["_id"]]


def has_parallel_lists(question: Question, world: World) -> bool:
    """Whether one document has lists on the way of two keys: MongoDB cannot order by both."""
    targets = [world.target(question.collection, split(path)) for path, _ in question.order]
    own = {each.stored for each in targets if not each.rest}
    return any(
        sum(_meets_list(document, path) for path in own) > 1
        for document in matching(replace(question, order=()), world)
    )


def _meets_list(value: Any, path: Sequence[str]) -> bool:
    if isinstance(value, list):
        return True
    return bool(path) and isinstance(value, dict) and _meets_list(value.get(path[0]), path[1:])


def _keys(path: str, document: Json, question: Question, world: World) -> list[Key]:
    target = world.target(question.collection, split(path))
    if target.relation is None or not target.rest:
        return order_keys(document, target.stored)
    related = world.related(target, document)
    keys = [each for other in related for each in order_keys(other, target.rest)]
    return keys or [key(None)]


def _tokens(text: str) -> Iterator[str]:
    """Letters and digits in runs, lower-case (SPEC 6.3)."""
    yield from re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())


def _has_words(question: Question, world: World, wanted: Sequence[str], document: Json) -> bool:
    """Each word of the filter is the beginning of one of the document's.

    Words are kept of documents that the server wrote, which have a version.
    """
    if not wanted:
        return True
    if "_version" not in document:
        return False
    there: set[str] = set()
    for path, declared in world.collections[question.collection].declared.items():
        if declared["type"] in _TEXTS:
            for text in values(document, path.split(".")):
                texts = text if isinstance(text, list) else [text]
                there.update(*(_tokens(each) for each in texts if isinstance(each, str)))
    return all(any(each.startswith(word) for each in there) for word in wanted)


def shown(question: Question, world: World, document: Json) -> Json:
    """A document of the answer, with the fields that were asked for (SPEC 6.2)."""
    fields = dict(question.fields)
    asked = [name for name, way in fields.items() if way]
    found = world.shown(question.collection, document, asked)
    with_id = fields.pop("_id", 1)
    paths = [split(each) for each in fields]
    if paths:
        include = set(fields.values()) == {1}
        found = only(found, [*paths, ["_id"]]) if include else without(found, paths)
    elif question.fields and with_id:
        found = {"_id": found["_id"]}
    if not with_id:
        found.pop("_id", None)
    return found
