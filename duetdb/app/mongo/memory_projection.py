"""Which parts of a document a find returns, for the in-memory engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Tree: TypeAlias = dict[str, "Tree | None"]
"""The names of one level; None where the path ends."""


def projected(document: dict[str, Any], projection: Mapping[str, int] | None) -> dict[str, Any]:
    """The document with the named paths alone, or without them, as MongoDB returns it.

    The two are not mixed, ``_id`` apart, which is there unless it is excluded.
    """
    if not projection:
        return document
    paths = {path: bool(shown) for path, shown in projection.items() if path != "_id"}
    with_id = bool(projection.get("_id", True))
    if True in paths.values() or (not paths and with_id):
        kept = _only(document, _tree(paths))
    else:
        kept = _without(document, _tree(paths))
    kept.pop("_id", None)
    return {"_id": document["_id"], **kept} if with_id and "_id" in document else kept


def _tree(paths: Mapping[str, bool]) -> Tree:
    tree: Tree = {}
    for path in paths:
        *above, name = path.split(".")
        level = tree
        for each in above:
            below = level.setdefault(each, {})
            assert below is not None, "MongoDB refuses a path beside one inside it"
            level = below
        level[name] = None
    return tree


def _only(value: dict[str, Any], tree: Tree) -> dict[str, Any]:
    kept = {}
    for name, inner in value.items():
        if name not in tree:
            continue
        below = tree[name]
        if below is None:
            kept[name] = inner
        elif isinstance(inner, dict):
            kept[name] = _only(inner, below)
        elif isinstance(inner, list):
            kept[name] = _elements(inner, below)
    return kept


def _elements(values: list[Any], tree: Tree) -> list[Any]:
    return [
        _only(each, tree) if isinstance(each, dict) else _elements(each, tree)
        for each in values
        if isinstance(each, dict | list)
    ]


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_without(each, tree) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        if name not in tree:
            kept[name] = inner
        elif (below := tree[name]) is not None:
            kept[name] = _without(inner, below)
    return kept
