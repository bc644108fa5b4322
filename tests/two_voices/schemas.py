"""Random metadata: every field type and relation kind, under odd and colliding names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from tests.two_voices.values import ELEMENTS, OPTIONS, SCALAR_LISTS, Drawn

FIELD_NAMES = [
    "title", "net chg", "net-chg", "net_chg", "1st", "class", "and", "or", "not", "query",
    "type", "id", "naïve", "größe", "ключ", "true", "null", "__typename", "a b c", "Title",
    "data", "where", "max", "_", "constructor", "__proto__", "x" * 60, "$", "id 2", "edges",
]  # fmt: skip
ALLOWED_NAMES = [name for name in FIELD_NAMES if not name.startswith(("_", "$"))]
COLLECTION_NAMES = [
    "posts", "blog-posts", "blog posts", "BlogPosts", "query", "string", "id", "json", "2020",
    "people", "people-by-id", "peopleConnection", "größen", "a-b", "aB", "Mutation", "where",
]  # fmt: skip


@dataclass(slots=True)
class Drawing:
    """One random database: its definitions, and how often each type was drawn."""

    definitions: list[dict[str, Any]]
    types: Counter[str] = field(default_factory=Counter)


def draw_schema(draw: Drawn) -> Drawing:
    """Two collections with relations between them, never the same names twice in a run."""
    suffix = uuid4().hex[:6]
    names = draw(st.lists(st.sampled_from(COLLECTION_NAMES), min_size=2, max_size=2, unique=True))
    names = [f"{name} {suffix}" for name in names]
    drawing = Drawing([])
    for position, name in enumerate(names):
        fields = [_draw_field(draw, each, drawing.types) for each in _draw_names(draw)]
        relation = draw(st.sampled_from(["one", "many", "child"]))
        target = names[1 - position]
        taken = {each["name"] for each in fields}
        called = next(each for each in ("link", "Link", "l") if each not in taken)
        fields.append({"name": called, "type": target, "relation": relation})
        drawing.types[relation] += 1
        drawing.definitions.append({"name": name, "fields": fields})
    return drawing


def _draw_names(draw: Drawn) -> list[str]:
    return list(draw(st.lists(st.sampled_from(ALLOWED_NAMES), min_size=2, max_size=5, unique=True)))


def _draw_field(
    draw: Drawn, name: str, types: Counter[str], *, nested: bool = True
) -> dict[str, Any]:
    kinds = [*ELEMENTS, "object"] if nested else sorted(ELEMENTS)
    kind = draw(st.sampled_from(kinds))
    types[kind] += 1
    made: dict[str, Any] = {"name": name, "type": kind}
    if kind == "option":
        made["options"] = OPTIONS
    if kind == "object":
        parts = draw(st.lists(st.sampled_from(ALLOWED_NAMES), min_size=1, max_size=2, unique=True))
        made["fields"] = [_draw_field(draw, part, types, nested=False) for part in parts]
    if kind in SCALAR_LISTS and draw(st.integers(0, 3)) == 0:
        made["multiple"] = True
        types["multiple"] += 1
    return made
