"""What may reach the database: every operator of every command is on one of these lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

FILTERS: Final = frozenset(
    "$and $or $nor $not $eq $ne $in $nin $gt $gte $lt $lte $regex $options $exists $elemMatch "
    "$all $size $type".split()
)
"""Operators of filters. ``$bt``, ``$date`` and ``$distinct`` are made of these and others."""
STAGES: Final = frozenset(
    "$match $sort $skip $limit $project $set $unset $group $unwind $lookup $count $facet "
    "$replaceRoot".split()
)
EXPRESSIONS: Final = frozenset(
    "$add $subtract $divide $mod $abs $floor $trunc $sum $min $max $addToSet $top $first "
    "$cond $switch $ifNull $let $map $filter $reduce $range $size $isArray $arrayElemAt "
    "$indexOfArray $concatArrays $sortArray $setDifference $setIsSubset $in $and $or $eq "
    "$gt $gte $lt $lte $type $isNumber $literal $mergeObjects $concat $substrCP $rtrim "
    "$toString $toInt $toLong $toDouble $toDecimal $year $month $dayOfMonth $dayOfWeek $dayOfYear "
    "$hour $minute $second $isoWeek $dateToString $dateTrunc $dateAdd".split()
)
HOUSEKEEPING: Final = FILTERS | frozenset(
    "$jsonSchema $changeStream $match $expr $add $subtract $set $setOnInsert $unset $inc $max "
    "$currentDate".split()
)
"""What metadata and its followers need, in collections and commands that no question reaches."""
ENVELOPE: Final = frozenset(("$db", "$clusterTime", "$readPreference"))
"""What the driver puts around commands."""


class Watch(CommandListener):
    """Looks at each command.

    ``questions`` counts those about ``collections``, and ``seen`` the operators
    in them; ``strange`` are operators that are on no list, there and elsewhere.
    """

    def __init__(self, *collections: str) -> None:
        self.questions = 0
        self.seen: Counter[str] = Counter()
        self.strange: set[str] = set()
        self._collections = collections

    def started(self, event: CommandStartedEvent) -> None:
        command = {name: each for name, each in event.command.items() if name not in ENVELOPE}
        name = event.command_name
        if name in ("find", "aggregate") and command[name] in self._collections:
            filters = _of_filter(command.get("filter", {}))
            found = [*filters, *_of_pipeline(command.get("pipeline", []))]
            self.questions += 1
            self.seen.update(f"{kind} {each}" for kind, each in found)
            odd = [f"{kind} {each}" for kind, each in found if each not in _LISTS[kind]]
        else:
            odd = [f"{name} {each}" for each in _keys(command) if each not in HOUSEKEEPING]
        self.strange.update(odd)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing: what was sent is known."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing: what was sent is known."""


_LISTS: Final = {"filter": FILTERS, "stage": STAGES, "expression": EXPRESSIONS}


def _of_filter(filter: Any) -> Iterator[tuple[str, str]]:
    return (("filter", each) for each in _keys(filter))


def _of_pipeline(stages: Any) -> Iterator[tuple[str, str]]:
    for stage in stages:
        for name, body in stage.items():
            yield "stage", name
            if name == "$match":
                yield from _of_filter(body)
            elif name == "$facet":
                for inner in body.values():
                    yield from _of_pipeline(inner)
            else:
                inner = body.get("pipeline", []) if name == "$lookup" else []
                yield from _of_pipeline(inner)
                outside = {**body, "pipeline": []} if inner else body
                yield from (("expression", each) for each in _keys(outside))


def _keys(value: Any) -> Iterator[str]:
    """Every operator in a value, save in what ``$literal`` keeps from being read."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _keys(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name.startswith("$"):
                yield name
            if name != "$literal":
                yield from _keys(each)
