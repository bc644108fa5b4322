"""Groups and their figures as GraphQL answers them, computed one document after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.evaluate import PAGE, Question, matching
from tests.oracle.filters import Filter
from tests.oracle.groups import average, elements_at, numbers, value_at
from tests.oracle.values import MISSING, Json, Key, key, wire
from tests.oracle.world import Collection, World


@dataclass(frozen=True)
class GroupKey:
    """A member of ``groupBy``: its name, where its values are, and the span of a date's bucket."""

    name: str
    path: str
    bucket: str | None = None


@dataclass(frozen=True)
class Figure:
    """``function`` of the values at ``path``, of the field type ``kind``; ``count`` has neither."""

    function: str
    path: str = ""
    kind: str = "number"


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """What is asked: figures are shown by their position.

    ``having`` is a filter whose paths are ``f0``, ``f1`` and so on; an order is
    by these or by ``k0``, ``k1``: the keys.
    """

    question: Question
    keys: tuple[GroupKey, ...] = ()
    figures: tuple[Figure, ...] = ()
    shown: int = 0
    zone: str | None = None
    having: Mapping[str, Any] | None = None
    order: tuple[tuple[str, int], ...] = ()
    max: int = PAGE


@dataclass(frozen=True)
class Group:
    keys: tuple[Any, ...]
    figures: tuple[Any, ...]


def aggregated(asked: Aggregation, world: World) -> list[Json]:
    """The rows: what each group has in common, and the first ``shown`` of its figures."""
    groups = [each for each in _groups(asked, world) if _is_kept(each, asked, world)]
    groups.sort(key=lambda group: [key(each) for each in group.keys])
    for name, direction in reversed(asked.order):
        groups.sort(key=_by(name), reverse=direction < 0)
    return [_row(each, asked) for each in groups[: asked.max]]


def _groups(asked: Aggregation, world: World) -> list[Group]:
    members: dict[tuple[Key, ...], tuple[tuple[Any, ...], list[Json]]] = {}
    if not asked.keys:
        members[()] = ((), [])
    for document in matching(asked.question, world):
        keys = tuple(_key(each, document, asked, world) for each in asked.keys)
        members.setdefault(tuple(map(key, keys)), (keys, []))[1].append(document)
    return [
        Group(
            keys, tuple(_figure(each, documents, asked.question, world) for each in asked.figures)
        )
        for keys, documents in members.values()
    ]


def _key(group_key: GroupKey, document: Json, asked: Aggregation, world: World) -> Any:
    value = value_at(group_key.path, document, asked.question, world)
    if group_key.bucket is None:
        return None if value is MISSING else value
    return begun(value, group_key.bucket, asked.zone) if isinstance(value, datetime) else None


def begun(date: datetime, bucket: str, zone: str | None) -> datetime:
    """When the span of time that a date is in began; weeks begin on Monday."""
    local = date.replace(tzinfo=UTC).astimezone(_zone(zone))
    cut = {"SECOND": 1, "MINUTE": 2, "HOUR": 3}.get(bucket, 4)
    less = dict(zip(("microsecond", "second", "minute", "hour"), (0,) * cut, strict=False))
    local = local.replace(**less)  # type: ignore[arg-type]
    if bucket == "WEEK":
        local -= timedelta(days=local.weekday())
    elif bucket == "MONTH":
        local = local.replace(day=1)
    elif bucket == "YEAR":
        local = local.replace(month=1, day=1)
    return local.astimezone(UTC).replace(tzinfo=None)


def _zone(zone: str | None) -> Any:
    if zone is None or zone[0] not in "+-":
        return ZoneInfo(zone or "UTC")
    away = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return timezone(away if zone[0] == "+" else -away)


def _figure(figure: Figure, documents: Sequence[Json], question: Question, world: World) -> Any:
    if figure.function == "count":
        return len(documents)
    about = (documents, figure.path, question, world)
    if figure.function in ("sum", "avg"):
        found = numbers(*about)
        return sum(found) if figure.function == "sum" else average(found)
    there = [each for d in documents for each in elements_at(figure.path, d, question, world)]
    values = {key(each): each for each in there if each is not None}
    if figure.function == "countDistinct":
        return len(values)
    best = min if figure.function == "min" else max
    return values[best(values)] if values else None


def _is_kept(group: Group, asked: Aggregation, world: World) -> bool:
    """The figures as a document of their own, whose fields have the types of what they are of."""
    if asked.having is None:
        return True
    whole = ("count", "countDistinct")
    fields = [
        {"name": f"f{place}", "type": "number" if each.function in whole else each.kind}
        for place, each in enumerate(asked.figures)
    ]
    document = {f"f{place}": value for place, value in enumerate(group.figures)}
    figures = World({"figures": Collection({"name": "figures", "fields": fields})}, world.now)
    return Filter(figures, "figures").matches(asked.having, document)


def _by(name: str) -> Callable[[Group], Key]:
    place = int(name[1:])
    if name[0] == "f":
        return lambda group: key(group.figures[place])
    return lambda group: key(group.keys[place])


def _row(group: Group, asked: Aggregation) -> Json:
    names = [each.name for each in asked.keys]
    row: Json = {"group": {n: wire(each) for n, each in zip(names, group.keys, strict=True)}}
    for place, figure in enumerate(asked.figures[: asked.shown]):
        row[f"f{place}"] = _as_shown(group.figures[place], figure)
    return row


def _as_shown(value: Any, figure: Figure) -> Any:
    """Least and greatest values are null where they do not fit the type of their field."""
    if figure.function in ("min", "max") and not _FITS[figure.kind](value):
        return None
    return wire(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: _is_number(value) and value == int(value),
    "float_number": _is_number,
    "date": lambda value: isinstance(value, datetime),
    "datetime": lambda value: isinstance(value, datetime),
}
