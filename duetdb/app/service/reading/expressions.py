"""Values of documents as expressions of the database: through objects, lists, positions, renames.

A path means in an expression what it means in a filter. MongoDB's own paths in
expressions know no positions and no former names, so those are spelled out;
every other path stays the plain ``"$a.b"`` that the database is quick with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bson.min_key import MinKey

from duetdb.app.service.errors import LimitExceeded
from duetdb.schema_gen.model import Collection

Expression: TypeAlias = Any

_MOST_STEPS: Final = 20
"""The database nests expressions no deeper than about 30 steps."""
_MOST_POSITION: Final = 2**31 - 1
DOCUMENT: Final = "$"
RELATED: Final = "$$related"
"""Where expressions find a document: in the pipeline, or in the variable ``related``."""
_DOCUMENTS: Final = frozenset({DOCUMENT, RELATED})
_VALUE: Final = "$$v"


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a path: a name, perhaps with a former one, or a position in a list."""

    name: str
    former: str | None = None
    position: int | None = None

    @property
    def is_plain(self) -> bool:
        return self.former is None and self.position is None


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """What a missing value and an empty list count as, in a list of elements."""

    none: Expression
    empty: Expression
    spread_at_position: bool = True
    """Whether the list that a position leads to is one of elements too."""


ALL_ELEMENTS: Final = Elements([], [])
"""Null is an element, a missing value none, and a list inside of a list one."""
SORT_KEYS: Final = Elements([None], [MinKey()], spread_at_position=False)
"""What the database sorts by: of these the least, or the greatest when it descends.

An empty list comes before null, as which a missing value counts.
"""


def is_plain(path: str, collection: Collection) -> bool:
    """Whether the database follows the path by itself."""
    return all(step.is_plain for step in _steps(path, collection))


def value_of(path: str, collection: Collection) -> Expression:
    """What is stored at ``path``: missing if nothing is, a list where a list is on the way.

    Raises ``LimitExceeded`` for a path that is too long to compute with.
    """
    return _value(DOCUMENT, _steps(path, collection))


def elements_of(
    path: str,
    collection: Collection,
    elements: Elements = ALL_ELEMENTS,
    at: str = DOCUMENT,
) -> Expression:
    """A list of what is stored at ``path``: the elements of each list on the way and at the end.

    ``at`` is ``DOCUMENT`` or ``RELATED``.
    """
    steps = _steps(path, collection)
    return let(
        _value(at, steps),
        either_list(_VALUE, _all(steps, elements, at), _one(_VALUE, elements)),
    )


def computed(
    path: str,
    collection: Collection,
    of_list: Callable[[Expression], Expression],
    of_one: Expression,
) -> Expression:
    """What is made of all elements at ``path``: of a list of them, or of the one in ``$$v``.

    Looking into lists costs the database much, and most fields have none.
    """
    steps = _steps(path, collection)
    inside = of_list(_all(steps, ALL_ELEMENTS))
    return let(_value(DOCUMENT, steps), either_list(_VALUE, inside, of_one))


def let(value: Expression, inside: Expression) -> Expression:
    """``inside`` with ``value`` as ``$$v``, computed once."""
    return {"$let": {"vars": {"v": value}, "in": inside}}


def either_list(value: Expression, is_list: Expression, is_none: Expression) -> Expression:
    """One expression where ``value`` is a list, another one where it is not."""
    return {"$cond": [{"$isArray": [value]}, is_list, is_none]}


def joined(lists: Expression, each: Expression) -> Expression:
    """One list of all that ``each`` makes of ``$$this``."""
    longer = {"$concatArrays": ["$$value", each]}
    return {"$reduce": {"input": lists, "initialValue": [], "in": longer}}


def missing(value: Expression) -> Expression:
    return {"$eq": [{"$type": value}, "missing"]}


def _steps(path: str, collection: Collection) -> list[_Step]:
    parts = path.split(".")
    if len(parts) > _MOST_STEPS:
        raise LimitExceeded(f"'{path[:50]}' has more than {_MOST_STEPS} parts.")
    steps: list[_Step] = []
    names: list[str] = []
    for part in parts:
        declared = ".".join((*names, part)) in collection.by_path
        if steps and _is_position(part) and not declared:
            steps.append(_Step(part, position=int(part)))
            continue
        names.append(part)
        steps.append(_Step(part, _former(".".join(names), collection)))
    return steps


def _is_position(part: str) -> bool:
    """As the database sees it: ``01`` is a name."""
    return part.isascii() and part.isdecimal() and (part == "0" or part[0] != "0")


def _former(path: str, collection: Collection) -> str | None:
    """The former name of a field whose data is still moving, unless it is in use again."""
    former = collection.former.get(path)
    return None if former is None or former in collection.by_path else former.rpartition(".")[2]


def _value(at: str, steps: Sequence[_Step]) -> Expression:
    """The value at ``steps`` from ``at``, which is the document or a variable."""
    if all(step.is_plain for step in steps):
        return _member(at, *(step.name for step in steps))
    step, rest = steps[0], steps[1:]
    if step.position is not None:
        return let(_element(at, step.position), _value(_VALUE, rest))
    if at in _DOCUMENTS:
        return let(_named(at, step), _value(_VALUE, rest))
    found = let(_named("$$this", step), _value(_VALUE, rest))
    each = {"$let": {"vars": {"w": found}, "in": {"$cond": [missing("$$w"), [], ["$$w"]]}}}
    return {
        "$let": {
            "vars": {"w": joined(_listed(at), each)},
            "in": either_list(at, "$$w", {"$first": "$$w"}),
        }
    }


def _all(steps: Sequence[_Step], elements: Elements, at: str = DOCUMENT) -> Expression:
    """The elements at ``steps``, of lists on the way as well."""
    if not steps:
        return either_list(at, _unless_empty(at, elements.empty, at), _one(at, elements))
    step, rest = steps[0], steps[1:]
    if step.position is not None:
        whole = not rest and not elements.spread_at_position
        inside = _whole(elements) if whole else _all(rest, elements, _VALUE)
        return let(_element(at, step.position), inside)
    if at in _DOCUMENTS:
        return let(_named(at, step), _all(rest, elements, _VALUE))
    each = let(_named("$$this", step), _all(rest, elements, _VALUE))
    return _unless_empty(at, elements.none, joined(_listed(at), each))


def _one(value: str, elements: Elements) -> Expression:
    return {"$cond": [missing(value), elements.none, [value]]}


def _whole(elements: Elements) -> Expression:
    return _unless_empty(_VALUE, elements.empty, _one(_VALUE, elements))


def _unless_empty(value: str, is_empty: Expression, otherwise: Expression) -> Expression:
    return {"$cond": [{"$eq": [value, []]}, is_empty, otherwise]}


def _member(at: str, *names: str) -> str:
    path = ".".join(names)
    return f"${path}" if at == DOCUMENT else f"{at}.{path}" if path else at


def _named(at: str, step: _Step) -> Expression:
    """A member of an object, under its former name where it is not under the new one."""
    new = _member(at, step.name)
    if step.former is None:
        return new
    return {"$cond": [missing(new), _member(at, step.former), new]}


def _element(at: str, position: int) -> Expression:
    """An element of a list, or what an object has under a name of digits."""
    found = {"$arrayElemAt": [at, position]} if position <= _MOST_POSITION else "$$REMOVE"
    return either_list(at, found, _member(at, str(position)))


def _listed(value: Expression) -> Expression:
    return either_list(value, value, [value])
