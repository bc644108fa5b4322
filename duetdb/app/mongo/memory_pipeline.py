"""The aggregation stages that the in-memory engine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from duetdb.app.mongo.memory_matching import check, matches, refuse
from duetdb.app.mongo.memory_projection import projected
from duetdb.app.mongo.memory_values import MISSING, in_order, key_of, reached

Document = dict[str, Any]


def run_pipeline(documents: list[Document], stages: Sequence[Mapping[str, Any]]) -> list[Document]:
    """What the stages make of the documents; raises ``NotAvailable`` before the first is run."""
    runs = [
        (_STAGES.get(name) or refuse(name), body) for each in stages for name, body in each.items()
    ]
    for each in stages:
        check(each.get("$match"))
        _check_group(each.get("$group", {}))
    for run, body in runs:
        documents = run(documents, body)
    return documents


def _check_group(group: Mapping[str, Any]) -> None:
    for name, accumulator in group.items():
        if name == "_id":
            if accumulator is not None and not _is_path(accumulator):
                refuse("$group by an expression")
        elif accumulator != {"$sum": 1}:
            refuse(next(iter(accumulator)) if isinstance(accumulator, dict) else "$group")


def _is_path(expression: Any) -> bool:
    return isinstance(expression, str) and expression[:1] == "$" and expression[:2] != "$$"


def _unwind(documents: list[Document], path: str) -> list[Document]:
    name = path.removeprefix("$")
    if "." in name:
        refuse("$unwind below the first level")
    unwound = []
    for each in documents:
        value = each.get(name)
        for element in value if isinstance(value, list) else [] if value is None else [value]:
            unwound.append({**each, name: element})
    return unwound


def _group(documents: list[Document], body: Mapping[str, Any]) -> list[Document]:
    """Groups by a path, with counts."""
    names = [name for name in body if name != "_id"]
    groups: dict[Any, Document] = {}
    for each in documents:
        value = _value(each, body["_id"])
        group = groups.setdefault(key_of(value), {"_id": value, **dict.fromkeys(names, 0)})
        for name in names:
            group[name] += 1
    return list(groups.values())


def _value(document: Document, path: str | None) -> Any:
    if path is None:
        return None
    found = [value for value, _ in reached(document, path[1:].split("."))]
    if len(found) != 1:
        refuse("$group through a list")
    return None if found[0] is MISSING else found[0]


_STAGES: Final[Mapping[str, Callable[[list[Document], Any], list[Document]]]] = {
    "$match": lambda documents, condition: [d for d in documents if matches(condition, d)],
    "$sort": lambda documents, keys: in_order(documents, list(keys.items())),
    "$skip": lambda documents, count: documents[count:],
    "$limit": lambda documents, count: documents[:count],
    "$unwind": _unwind,
    "$group": _group,
    "$project": lambda documents, fields: [projected(each, fields) for each in documents],
    "$unset": lambda documents, paths: [
        projected(each, dict.fromkeys(paths, 0)) for each in documents
    ],
}
