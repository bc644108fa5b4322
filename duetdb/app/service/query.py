"""What a reader asks for, as frozen values: both interfaces speak this and nothing else does.

A ``Query`` holds its ``Collection`` and not a name, so a request that began on
one schema version finishes on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import Collection

Document: TypeAlias = dict[str, Any]
"""A stored document: BSON values under stored names."""


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; no parts: every document matches."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; no parts: no document matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; a document without the field counts as not holding."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Match:
    """One comparison on one dotted path.

    ``operator`` is a name from ``OPERATORS`` without the dollar sign; ``value``
    is in stored form (an ObjectId, a datetime) by the time it is here. For
    ``elemMatch`` it is a ``Filter`` whose paths begin at the element, the empty
    path being the element itself; for ``size`` a number, or a ``Filter`` on the
    empty path. For ``regex`` it is the pattern, or pattern and option letters;
    for ``near``, ``geoWithin`` and ``geoIntersects`` MongoDB's own object. ``near``
    orders, so a filter holds it once, at the top or in an ``And`` there.
    """

    path: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Words:
    """Each of ``tokens`` is the beginning of a word of the document (SPEC 6.3).

    Words are those of its searchable fields; tokens are in the same form.
    """

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """At least one document that the relation ``field`` leads to matches ``filter``.

    ``path`` is where the document holds the ids, a position included
    (``company``, ``company.0``); ``target`` the collection that ``filter`` is
    about. ``source`` is the collection that declares the field. It is resolved
    to ids by one bounded query before the main one. ``guard`` is that of ``Query``.
    """

    path: str
    field: Field
    source: Collection
    target: Collection
    filter: Filter
    guard: Filter = And()


Filter: TypeAlias = "And | Or | Not | Match | Words | Related"

EVERYTHING = And()

OPERATORS: frozenset[str] = frozenset(
    "eq ne in nin gt gte lt lte bt regex exists elemMatch all size "
    "near geoWithin geoIntersects".split()
)
"""The allow-list: nothing else ever reaches the driver as a filter operator."""


@dataclass(frozen=True, slots=True)
class Hop:
    """From documents to those that their relation refers to.

    ``path`` is where the ids are stored, a position included (``company.0``);
    ``guard`` is that of ``Query``.
    """

    path: str
    target: Collection = field(hash=False)
    guard: Filter = field(default=EVERYTHING, hash=False)


@dataclass(frozen=True, slots=True)
class Order:
    """One order key: a dotted stored path, in the documents that ``hops`` lead to."""

    path: str
    descending: bool = False
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """Which top-level or dotted fields to read; ``include`` false means all but these.

    ``Projection((), include=False)`` reads everything. ``_id`` is read always.
    """

    paths: tuple[str, ...] = ()
    include: bool = False
    times: int = 1
    """How often a value is shown: GraphQL may give one field several names."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Related documents to attach to each found document, one database call for the level.

    ``field`` is the relation that is followed. For relations one and many the
    referenced documents are attached in stored order (vanished ids left out);
    for child lists the children by ``query``'s order, skip and max, each parent
    on its own. With ``reverse`` the direction turns: from a target to the
    documents that refer to it, or from a child to its parent.

    ``key`` is where the list of documents is put in the document (for relations
    inside objects, in the innermost object). REST puts it in place of the
    field, GraphQL under a key that no field can have.
    """

    field: Field
    query: Query
    key: str
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """A media field whose files are described, by one database call for all of a level.

    A list is put under ``key`` of the document (for fields inside objects, of the
    innermost object): for each id at ``path`` the metadata of its file, or the id
    as it is stored where there is no such file. REST puts it in place of the
    field, GraphQL under a key that no field can have.
    """

    path: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A read of one collection: filter, order, page, projection, expansion, described media.

    ``max`` None means no page limit: only for streams. ``order`` is completed
    by ``_id`` as the stable tie-break (SPEC 7.4).

    ``guard`` says which documents the caller may see, by all that is stored in
    them; everything else is about documents less what the narrowing of
    ``collection`` hides. The authoriser sets it. ``address`` is where REST
    answers this read, ``("posts", "<id>")``; empty for the list of the collection.
    """

    collection: Collection
    filter: Filter = EVERYTHING
    order: tuple[Order, ...] = ()
    skip: int = 0
    max: int | None = 1000
    projection: Projection = Projection()
    expand: tuple[Expansion, ...] = ()
    described: tuple[Described, ...] = ()
    guard: Filter = EVERYTHING
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The parent that a child document belongs to (SPEC 9.2).

    To get a new child it must match ``guard``, which is that of ``Query``.
    """

    collection: Collection
    id: Any
    field: Field
    guard: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Reach:
    """What a write may refer to in one collection.

    That is documents that match ``guard``, in relations, and as parents by the
    child lists of these names.
    """

    guard: Filter
    lists: frozenset[str] = frozenset()


Reaches: TypeAlias = Mapping[str, Reach]
"""By name, the collections in which the ids of a write are looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Insert documents, all or none; ``documents`` are wire values as parsed from JSON.

    ``validate`` false skips REQUIRED, TYPE and REGEX (SPEC 4.4). With ``array``
    validation errors carry positions, also for an array of one document. Each
    document must match ``guard`` as it is to be stored, else ``Forbidden``. Ids in
    relations to collections that are not in ``reaches`` are taken as they are, and
    for parents these do not exist; None: all collections are.
    """

    collection: Collection
    documents: tuple[Mapping[str, Any], ...]
    validate: bool = True
    parent: Parent | None = None
    array: bool = False
    guard: Filter = EVERYTHING
    reaches: Reaches | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One update operator on one path (SPEC 8): ``inc`` by a ``value``, ``push`` it, and so on.

    ``operator`` has no dollar sign, ``value`` is a wire value.
    """

    operator: str
    path: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Change one document by id.

    ``changes`` are wire values, dotted keys address inside objects, and
    ``operations`` come on top of them. ``replace`` makes ``changes`` the whole
    document, its system fields excepted, and what the caller may not write. With
    ``parent`` the document must be its child. ``if_version`` must equal the stored
    ``_version`` (absent counts as 0), else ``VersionMismatch``. A document that
    does not match ``guard`` is not there, and one that would not match it
    afterwards is ``Forbidden``. ``method`` is what the update stands for in REST,
    and ``reaches`` is that of ``Create``.
    """

    collection: Collection
    id: Any
    changes: Mapping[str, Any]
    operations: tuple[Operation, ...] = ()
    replace: bool = False
    if_version: int | None = None
    parent: Parent | None = None
    method: str = "PATCH"
    guard: Filter = EVERYTHING
    reaches: Reaches | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMany:
    """Change every document that matches ``filter``, each on its own, as ``Update`` does."""

    collection: Collection
    filter: Filter
    changes: Mapping[str, Any]
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a write of many documents did.

    ``matched`` and ``modified`` count documents; ``failed`` are the ids of those
    that matched and could not be written, each with the reason, and the first
    ``Limits.reported_failures`` of them if there are more.
    """

    matched: int
    modified: int
    failed: tuple[tuple[Any, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete by ids, or by filter when ``ids`` is None.

    What does not match ``guard`` is not there.
    """

    collection: Collection
    ids: tuple[Any, ...] | None = None
    filter: Filter = EVERYTHING
    if_version: int | None = None
    parent: Parent | None = None
    guard: Filter = EVERYTHING
