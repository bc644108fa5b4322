"""The immutable schema: the one value from which both interfaces are generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.positions import is_position
from duetdb.schema_gen.rights import ALL_RIGHTS, FieldSet, Rights
from duetdb.schema_gen.shape import Shape

EMPTY: Mapping[str, Any] = MappingProxyType({})

SYSTEM_FIELDS: tuple[str, ...] = (
    "_id",
    "_created",
    "_changed",
    "_createdby",
    "_changedby",
    "_version",
    "_keywords",
    "_tags",
    "_mock",
    "_parent_id",
    "_parent_def",
    "_parent_field",
)
"""The fields that the server owns (SPEC 4.2), in the order in which they are described."""

ALWAYS_VISIBLE: frozenset[str] = frozenset({"_id", "_parent_id", "_parent_def", "_parent_field"})
"""The system fields that a GET shows without ``metafields`` (SPEC 4.2)."""

AUDIT_FIELDS: tuple[str, ...] = ("_created", "_changed", "_createdby", "_changedby")
"""The system fields that POST, PUT and PATCH answers also show (SPEC 4.2)."""


class IdType(StrEnum):
    """What a collection's ``_id`` is: an ObjectId, or what inference found."""

    OBJECT_ID = "objectid"
    STRING = "string"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class GraphQLNames:
    """The names of one collection in GraphQL; everything else derives from these two."""

    root: str
    """The root query field, camelCase: ``blogPosts``."""
    type: str
    """The object type, PascalCase: ``BlogPosts``."""

    @property
    def by_id(self) -> str:
        return f"{self.root}ById"

    @property
    def connection(self) -> str:
        return f"{self.root}Connection"

    @property
    def aggregate(self) -> str:
        return f"{self.root}Aggregate"

    @property
    def changed(self) -> str:
        return f"{self.root}Changed"

    @property
    def create(self) -> str:
        return f"create{self.type}"

    @property
    def create_many(self) -> str:
        return f"createMany{self.type}"

    @property
    def update(self) -> str:
        return f"update{self.type}"

    @property
    def update_many(self) -> str:
        return f"updateMany{self.type}"

    @property
    def replace(self) -> str:
        return f"replace{self.type}"

    @property
    def delete(self) -> str:
        return f"delete{self.type}"

    @property
    def delete_many(self) -> str:
        return f"deleteMany{self.type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """A relation field seen from its target: ``posts.author`` seen from ``authors``.

    In GraphQL it is a field ``postsByAuthor`` of the target's type: a list for
    relations one and many, a single document for a child list (its parent).
    """

    collection: str
    field: Field
    graphql_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One collection: its fields, names and rules, with look-ups made once.

    ``fingerprint`` changes exactly when the metadata that made the collection,
    or a relation that other collections have to it, changes.
    """

    name: str
    names: GraphQLNames
    fields: tuple[Field, ...] = ()
    description: str = ""
    system: bool = False
    strict: bool = False
    id_type: IdType = IdType.OBJECT_ID
    access: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    referrers: tuple[Referrer, ...] = ()
    fingerprint: str = ""
    narrowing: Narrowing | None = field(default=None, repr=False)
    """What is kept from the caller that this is made for; None where nothing is."""
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    by_path: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    relations: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    children: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    media: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    """Image and file fields, those inside objects too."""
    former: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """Paths of renamed fields, and where documents may hold their data still."""
    shape: Shape = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        nested = tuple(_walk(self.fields))
        relations = tuple(f for f in nested if f.relation in (Relation.ONE, Relation.MANY))
        children = tuple(f for f in self.fields if f.relation is Relation.CHILD)
        for name, value in (
            ("by_name", MappingProxyType({f.name: f for f in self.fields})),
            ("by_path", MappingProxyType({f.path: f for f in nested})),
            ("relations", relations),
            ("children", children),
            ("media", tuple(f for f in nested if f.type.media)),
            ("former", MappingProxyType(_former(nested))),
            ("shape", Shape(self.fields)),
        ):
            object.__setattr__(self, name, value)

    @property
    def rights(self) -> Rights:
        """What the caller that this is made for may do."""
        return ALL_RIGHTS if self.narrowing is None else self.narrowing.rights

    @property
    def whole(self) -> Collection:
        """The collection as the full-access key sees it."""
        return self if self.narrowing is None else self.narrowing.whole

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Every declared field, nested ones included, parents before their parts."""
        return tuple(self.by_path.values())

    def is_position(self, names: Sequence[str], part: str) -> bool:
        """Whether ``part`` behind ``names`` is a position: a number is a name if declared so."""
        return is_position(part) and ".".join((*names, part)) not in self.by_path


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How a collection differs from the whole one for a caller with limited rights.

    ``visible`` is what the caller may see of documents as they are stored: the
    readable fields of ``rights``, less what would tell of the others (formulas
    that read them, the words that come from them). ``writable`` are the fields
    that it may send, with those that it may not read.
    """

    whole: Collection
    rights: Rights
    visible: FieldSet
    writable: tuple[Field, ...]


def _former(fields: tuple[Field, ...]) -> dict[str, str]:
    return {
        each.path: each.path.removesuffix(each.name) + each.renamed_from
        for each in fields
        if each.renamed_from is not None and each.is_stored
    }


def _walk(fields: tuple[Field, ...]) -> list[Field]:
    found: list[Field] = []
    for each in fields:
        found.append(each)
        found.extend(_walk(each.fields))
    return found


class Audience(StrEnum):
    """For whom a schema is made: that decides on what is told of it."""

    FULL = "full"
    """The full-access key."""
    KEY = "key"
    """A web key, whose holder may be anybody."""
    USER = "user"
    """Somebody who was identified by a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All collections of one version of the metadata.

    ``quarantined`` maps the name of a collection whose metadata cannot be built
    to the sentences that say why; such a collection is not in ``collections``.
    ``mail`` says whether those for whom it is made may send mail.
    """

    audience: Audience = Audience.FULL
    mail: bool = True
    version: int = 0
    collections: Mapping[str, Collection] = field(default_factory=lambda: EMPTY)
    quarantined: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
