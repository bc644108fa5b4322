"""Which index would help a query that has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from duetdb.app.service.reading.searching import is_prefix

_ANSWERED: Final = frozenset(
    ("$eq", "$in", "$gt", "$gte", "$lt", "$lte", "$all", "$geoWithin", "$geoIntersects")
)
"""What an index answers, of what is asked of a field."""
OTHER_CONDITION: Final = (
    "Add a condition that an index answers: a value, a range, or the beginning of a text by a "
    "pattern with '^'."
)


def hint_for(where: Mapping[str, Any], sort: Sequence[str], indexed: set[str]) -> str:
    """What to do about a filter and an order, as the database knows them, by paths.

    ``indexed`` are the paths that indexes begin with.
    """
    paths = _missing(where, indexed) or [each for each in sort if each not in indexed][:1]
    if not paths:
        return OTHER_CONDITION
    named = " and ".join(f"'{path}'" for path in dict.fromkeys(paths))
    if any(path.startswith("_") for path in paths):  # system fields are not declared
        return f"Create an index on {named} in MongoDB."
    return f'Declare "indexed": true on {named}.'


def _missing(where: Mapping[str, Any], indexed: set[str]) -> list[str] | None:
    """The paths that need an index for indexes to answer the filter: the fewest.

    None if no index would; no paths where those that are there would.
    """
    return _fewest([_missing_for(key, condition, indexed) for key, condition in where.items()])


def _missing_for(key: str, condition: Any, indexed: set[str]) -> list[str] | None:
    if key == "$and":
        return _fewest([_missing(part, indexed) for part in condition])
    if key == "$or":
        branches = [_missing(part, indexed) for part in condition]
        if any(each is None for each in branches):
            return None
        return [path for each in branches for path in each or ()]
    if key.startswith("$") or not isinstance(condition, dict):
        return None
    return _missing_at(key, condition, indexed)


def _missing_at(path: str, condition: Mapping[str, Any], indexed: set[str]) -> list[str] | None:
    inner = condition.get("$elemMatch", condition)
    if inner is not condition and _ANSWERED.isdisjoint(inner):
        within = f"{path}."
        below = {each.removeprefix(within) for each in indexed if each.startswith(within)}
        found = _missing(inner, below)
        return None if found is None else [within + each for each in found]
    is_answered = is_prefix(inner) if "$regex" in inner else not _ANSWERED.isdisjoint(inner)
    if not is_answered:
        return None
    return [] if path in indexed else [path]


def _fewest(found: Sequence[list[str] | None]) -> list[str] | None:
    return min((each for each in found if each is not None), key=len, default=None)
