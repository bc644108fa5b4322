"""Which documents a read is about, in MongoDB's words: the guard, what is hidden, the filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.grouping import Place
from duetdb.app.service.query import EVERYTHING, And, Filter, Hop, Match, Not, Or, Order, Query
from duetdb.app.service.reading.concealing import Concealment, Stage, concealment_of
from duetdb.app.service.reading.guarding import Guard, both
from duetdb.app.service.reading.translate import is_by_distance, nothing, to_mongo
from duetdb.schema_gen.model import Collection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selection:
    """``where`` says it all to a find, unless there are stages ``behind`` it in a pipeline.

    These take away what is hidden, so that all that follows is about documents
    that do not hold it. A ``frugal`` one is sorted by its keys alone, and read then.
    """

    where: Mapping[str, Any]
    behind: tuple[Stage, ...] = ()
    frugal: bool = False

    @property
    def stages(self) -> list[Stage]:
        """How a pipeline about these documents begins."""
        return [{"$match": self.where}, *self.behind]

    def within(self, condition: Mapping[str, Any]) -> Selection:
        """Those that meet a condition as well, on what the caller may see."""
        return replace(self, where=both(condition, self.where))


def select(query: Query, *places: Place) -> Selection:
    """What ``query``, which must be settled, is about; ``places`` are looked at besides its order.

    Where nothing that is looked at is hidden, or has a hidden part, it is all the
    same whether documents hold that, and the database is quicker without stages.
    """
    collection, filter = query.collection, query.filter
    guard = guard_of(query.guard, collection)
    concealment = concealment_of(collection)
    looked_at = [*map(_at_document, query.order), *map(_at_document, places)]
    if concealment is None or not (
        _touches(concealment, filter) or any(map(concealment.touches, looked_at))
    ):
        return Selection(both(guard, to_mongo(filter, collection)))
    parts = filter.parts if isinstance(filter, And) else (filter,)
    free = And(tuple(each for each in parts if not _touches(concealment, each)))
    rest = And(tuple(each for each in parts if _touches(concealment, each)))
    if is_by_distance(rest):  # from a place of which a part is hidden
        return Selection(nothing())
    behind = [*concealment.stages]
    if rest.parts:
        behind.append({"$match": to_mongo(rest, collection)})
    return Selection(both(guard, to_mongo(free, collection)), tuple(behind))


async def frugally(
    selection: Selection, collection: Collection, read: Callable[[Selection], Awaitable[T]]
) -> T:
    """What ``read`` makes of the selection; errors are its own.

    How large that is which a caller may not see must not decide on the answer, and
    the database sorts whole documents: where it runs out of memory by it, it is
    asked once more, by way of a selection that is ``frugal``.
    """
    try:
        return await read(selection)
    except LimitExceeded as error:
        frugal = in_need(error, selection, collection)
        if frugal is None:
            raise
    return await read(frugal)


def in_need(error: LimitExceeded, selection: Selection, collection: Collection) -> Selection | None:
    """The ``frugal`` selection; None where the error is another, or nothing is hidden."""
    if not error.of_memory or concealment_of(collection) is None:
        return None
    return replace(selection, frugal=True)


def guard_of(guard: Filter, collection: Collection) -> Mapping[str, Any]:
    """A settled guard as a filter document; it may ask by all that is stored."""
    return Guard(to_mongo(guard, collection.whole)) if guard != EVERYTHING else {}


def seen_through(hop: Hop) -> list[Stage]:
    """What a look-up does with the documents that it finds, for the caller to see no more."""
    guard = guard_of(hop.guard, hop.target)
    concealment = concealment_of(hop.target)
    stages: list[Stage] = [{"$match": guard}] if guard else []
    return stages if concealment is None else [*stages, *concealment.stages]


def _touches(concealment: Concealment, filter: Filter) -> bool:
    return any(map(concealment.touches, _paths(filter, "")))


def _paths(filter: Filter, base: str) -> Iterator[str]:
    """The paths that a settled filter asks by."""
    if isinstance(filter, And | Or):
        for part in filter.parts:
            yield from _paths(part, base)
    elif isinstance(filter, Not):
        yield from _paths(filter.part, base)
    elif isinstance(filter, Match):
        path = f"{base}.{filter.path}".strip(".")
        inner = list(_paths(filter.value, path)) if filter.operator == "elemMatch" else []
        yield from inner or (path,)


def _at_document(place: Order | Place) -> str:
    """Where a place begins in the document itself."""
    return place.hops[0].path if place.hops else place.path
