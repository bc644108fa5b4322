"""The difference between two metadata definitions, as steps that a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Definition = Mapping[str, Any]

_ABSENT: Final[tuple[Any, ...]] = (None, False, "", [], {})
"""Property values that say the same as leaving the property out."""


_NOT_COMPARED: Final = frozenset({"name", "fields", "system", "_id"})


class StepKind(StrEnum):
    CREATED = "created"
    DELETED = "deleted"
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Step:
    """One change. ``path`` is the collection, then the field: ``theaters.location.geo``."""

    kind: StepKind
    path: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def diff(old: Definition | None, new: Definition | None) -> tuple[Step, ...]:
    """What must happen to turn ``old`` into ``new``, in the order of the new definition.

    None stands for a collection without metadata. Two definitions that mean the
    same give no steps, however they are spelt.
    """
    name = str((new or old or {}).get("name", ""))
    if old is None and new is None:
        return ()
    if new is None:
        sentence = f"{name}: the metadata is deleted, the documents stay"
        return (Step(StepKind.DELETED, name, sentence),)
    steps: list[Step] = []
    if old is None:
        steps.append(Step(StepKind.CREATED, name, f"{name}: the collection is created"))
        old = {"name": name}
    steps.extend(_changes(name, old, new))
    steps.extend(_fields(name, old.get("fields") or (), new.get("fields") or ()))
    return tuple(steps)


def diff_all(old: Mapping[str, Definition], new: Mapping[str, Definition]) -> tuple[Step, ...]:
    """The steps between two whole databases, collection by collection in name order."""
    names = sorted(old.keys() | new.keys())
    return tuple(step for name in names for step in diff(old.get(name), new.get(name)))


def _fields(prefix: str, old: Sequence[Definition], new: Sequence[Definition]) -> Iterator[Step]:
    before = {each.get("name"): each for each in old}
    after = {each.get("name") for each in new}
    moved = set()
    for each in new:
        name = each.get("name")
        path = f"{prefix}.{name}"
        source = each.get("renamedFrom")
        if name in before:
            yield from _field(path, before[name], each)
        elif source in before and source not in after:
            moved.add(source)
            sentence = f"{prefix}.{source}: renamed to '{name}', its data moves"
            yield Step(StepKind.RENAMED, path, sentence)
            yield from _field(path, {**before[source], "renamedFrom": source}, each)
        else:
            yield Step(StepKind.ADDED, path, f"{path}: added, {_summary(each)}")
    for name in before:
        if name not in after and name not in moved:
            path = f"{prefix}.{name}"
            sentence = f"{path}: no longer declared, stored values stay"
            yield Step(StepKind.REMOVED, path, sentence)


def _field(path: str, old: Definition, new: Definition) -> Iterator[Step]:
    yield from _changes(path, old, new)
    yield from _fields(path, old.get("fields") or (), new.get("fields") or ())


def _changes(path: str, old: Definition, new: Definition) -> Iterator[Step]:
    """The properties that differ, names and nested fields excepted."""
    for key in dict.fromkeys((*old, *new)):
        before, after = _said(key, old.get(key)), _said(key, new.get(key))
        unsaid = key == "graphqlName" and key not in new  # what was chosen stays chosen
        if key not in _NOT_COMPARED and not unsaid and before != after:
            sentence = f"{path}: {key} {_shown(before)} becomes {_shown(after)}"
            yield Step(StepKind.CHANGED, path, sentence)


def _said(key: str, value: Any) -> Any:
    """A value as it counts: false, empty and absent are one, but a default may be any value."""
    if key == "default":
        return value
    if key == "access" and isinstance(value, Mapping):
        value = {part: said for part, said in value.items() if said not in _ABSENT}
    return None if value in _ABSENT else value


def _summary(field: Definition) -> str:
    """``text, required, unique`` and what else is set, for a field that is new."""
    words = [str(field.get("type", "untyped"))]
    for key, value in field.items():
        if key in ("name", "type", "fields", "description") or value in _ABSENT:
            continue
        words.append(key if value is True else f"{key} {_shown(value)}")
    if parts := field.get("fields"):
        words.append("with " + ", ".join(str(part.get("name")) for part in parts))
    return ", ".join(words)


def _shown(value: Any) -> str:
    match value:
        case None:
            return "unset"
        case True:
            return "set"
        case str():
            return f"'{value}'"
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)
