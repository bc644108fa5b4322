"""Queries that would look at every document of a large collection, refused before they do."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, TypeAlias

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits
from duetdb.app.service.reading import stages
from duetdb.app.service.reading.guarding import is_guarded
from duetdb.app.service.reading.index_hints import OTHER_CONDITION, hint_for
from duetdb.app.service.reading.plan import Plan, Stage, inputs
from duetdb.app.service.reading.searching import is_prefix

_COUNT_SECONDS: Final = 5.0
_GOOD_SECONDS: Final = 10.0
_BAD_SECONDS: Final = 1.0
"""A refusal is looked at again soon: somebody may have built the index."""
_MOST_SHAPES: Final = 2_000

Shape: TypeAlias = Any
"""A command with its values erased: queries of one shape have the same plans."""


class IndexGuard:
    """Asks the database how it would answer, once for each shape of a query.

    ``database`` is PyMongo's. Collections of at most ``limits.require_index``
    documents are searched as they are.
    """

    def __init__(self, database: Any, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._sizes: dict[str, tuple[float, int]] = {}
        self._scans: dict[int, tuple[float, bool]] = {}

    async def check(self, name: str, command: Mapping[str, Any]) -> None:
        """Raises ``LimitExceeded`` if the find or aggregate ``command`` would scan everything."""
        size = await self._size(name)
        if size > self._limits.require_index and await self._is_scan(command):
            # Of how many documents a caller may not see, and of what decides on that, it hears not.
            guarded = is_guarded(_parts_of(command)[0])
            number = "all the" if guarded else f"all {size:,}"
            raise LimitExceeded(
                f"The query would look at {number} documents of '{name}', and this server "
                f"wants an index above {self._limits.require_index:,} (DUETDB_REQUIRE_INDEX).",
                hint=OTHER_CONDITION if guarded else await self._hint(name, command),
            )

    async def _size(self, name: str) -> int:
        now = monotonic()
        known = self._sizes.get(name)
        if known is None or known[0] < now:
            size = int(await self._database[name].estimated_document_count())
            known = self._sizes[name] = (now + _COUNT_SECONDS, size)
        return known[1]

    async def _is_scan(self, command: Mapping[str, Any]) -> bool:
        shape = hash(shape_of(command))  # a shape itself may take much memory
        now = monotonic()
        known = self._scans.get(shape)
        if known is None or known[0] < now:
            reply = await self._database.command(
                "explain",
                command,
                verbosity="queryPlanner",
                maxTimeMS=self._limits.query_ms,
                codec_options=self._database.codec_options,
            )
            scans = is_scan(Plan(reply), "find" in command)
            if len(self._scans) >= _MOST_SHAPES:
                self._scans.clear()
            known = (now + (_BAD_SECONDS if scans else _GOOD_SECONDS), scans)
            self._scans[shape] = known
        return known[1]

    async def _hint(self, name: str, command: Mapping[str, Any]) -> str:
        indexes = await self._database[name].index_information()
        indexed = {each["key"][0][0] for each in indexes.values()}
        return hint_for(*_parts_of(command), indexed)


def shape_of(value: Any) -> Shape:
    """What is left of a command without values; what decides over plans is kept."""
    if isinstance(value, dict):
        if "$regex" in value:
            return ("$regex", is_prefix(value))
        return tuple((key, shape_of(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        shapes = [shape_of(each) for each in value]
        return (
            tuple(shapes) if any(isinstance(each, tuple) for each in shapes) else frozenset(shapes)
        )
    if isinstance(value, str):
        return value if value.startswith("$") else str
    if isinstance(value, int) and -1 <= value <= 1:
        return value  # also directions, and true and false
    return type(value)


def is_scan(plan: Plan, is_find: bool) -> bool:
    """Whether the plan goes through the whole collection, and no other plan would not.

    The planner prefers a scan also where an index would do, if it finds enough soon.
    """
    if not any(_scans(root, is_find) for root in plan.roots):
        return False
    return not any(not _scans(root, is_find) for root in plan.rejected)


def _scans(stage: Stage, passes: bool, filtered: bool = False) -> bool:
    """``passes``: everything may be read in order, because nobody waits for the last of it.

    ``filtered``: a stage above reads on until it has enough that match.
    """
    kind = str(stage.get("stage"))
    filtered = filtered or bool(stage.get("filter"))
    if kind == "COLLSCAN":
        return filtered or not passes
    if kind in ("IXSCAN", "COUNT_SCAN"):
        return (filtered or not passes) and _is_whole(stage.get("indexBounds", {}))
    if kind.startswith("GEO_NEAR"):
        return False  # it reads outwards, ring by ring
    if kind == "LIMIT":
        passes = True
    elif kind == "SORT":
        passes = False
    below = [_scans(each, passes, filtered) for each in inputs(stage)]
    return all(below) and bool(below) if kind.startswith("AND") else any(below)


_LEAST: Final = ("[MinKey, ", "[MaxKey, ", "(MinKey, ", "(MaxKey, ")
_GREATEST: Final = (", MaxKey]", ", MinKey]", ", MaxKey)", ", MinKey)")
_TEXTS: Final = ('["", {})', '({}, ""]')


def _is_whole(bounds: Mapping[str, Any]) -> bool:
    """Whether the bounds on the first field of an index leave out nothing, or no text."""
    if "startKey" in bounds:
        ends = [str(next(iter(bounds[end].values()), "")) for end in ("startKey", "endKey")]
        return all("MinKey" in each or "MaxKey" in each for each in ends)
    ranges: list[str] = next(iter(bounds.values()), [])
    if not ranges or any(each in _TEXTS for each in ranges):
        return bool(ranges)
    return ranges[0].startswith(_LEAST) and ranges[-1].endswith(_GREATEST)


def _parts_of(command: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The filter of a find or pipeline, and the paths that it is sorted by."""
    if "find" in command:
        return command["filter"], list(command.get("sort", ()))
    pipeline = command["pipeline"]
    return stages.where_of(pipeline), [path for path, _ in stages.sort_of(pipeline)]
