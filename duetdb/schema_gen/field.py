"""A field of a collection, and the interface that every field type implements.

Both live here, below the registry of types, so that a type can speak of the
field that it is validating and a field can name its type without a cycle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from duetdb.schema_gen.formula import Formula


class Missing(Enum):
    """The one value that means "nothing was given", where null is a value."""

    TOKEN = "missing"

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.TOKEN


class Relation(StrEnum):
    """How a relation field refers to its target collection (SPEC 9)."""

    ONE = "one"
    MANY = "many"
    CHILD = "child"


class Comparison(StrEnum):
    """Which family of comparisons a field of a type can be filtered by."""

    EQUALITY = "equality"  # eq ne in nin exists
    ORDER = "order"  # and gt gte lt lte bt
    TEXT = "text"  # and regex
    NONE = "none"  # exists alone (JSON, geo)


class Mismatch(ValueError):
    """A value does not fit a field; the message is a short sentence for the writer of the value."""


class PatternMismatch(Mismatch):
    """A text does not match the pattern of its field (code ``REGEX`` in SPEC 4.4)."""


class FieldType(ABC):
    """One field type of SPEC 4.3: how it is checked, stored, described and typed.

    Instances are stateless and shared. Every method sees one element: lists
    (``multiple``) and null are handled once, in ``schema_gen.values``.
    """

    name: ClassVar[str]
    """The type id in metadata, such as ``float_number``."""
    bson: ClassVar[tuple[str, ...]] = ()
    """BSON type aliases of the stored form (``$type`` and ``$jsonSchema``); empty admits any."""
    graphql: ClassVar[str] = "JSON"
    """The GraphQL scalar of input and output: String, Int-less ``Long``, Float, Boolean, ID,
    DateTime, Date, Time or JSON. ``object`` and relations get types of their own instead."""
    comparison: ClassVar[Comparison] = Comparison.EQUALITY
    text: ClassVar[bool] = False
    """Whether words for the text filter may be taken from it (SPEC 6.3)."""
    unique: ClassVar[bool] = False
    """Whether ``unique: true`` is allowed ("primary types only", SPEC 4.3)."""
    always_list: ClassVar[bool] = False
    """Whether even a single value is stored as a list (references, images, files)."""
    media: ClassVar[bool] = False
    """Whether its values are ids of files in the media archive."""

    @abstractmethod
    def coerce(self, value: Any, field: Field) -> Any:
        """Turns one wire value into its stored form.

        Raises ``Mismatch`` when it does not fit the type and ``PatternMismatch``
        when it does not match the field's ``regex``. Accepts what SPEC 4.4 lets a
        form send: numeric strings, "true", parseable dates.
        """

    @abstractmethod
    def fits(self, stored: Any) -> bool:
        """Whether a stored element can be shown as this type's GraphQL scalar.

        Data written beside DuetDB may be anything; what does not fit is null in
        GraphQL and raw under ``_extra``.
        """

    @abstractmethod
    def openapi(self, field: Field) -> dict[str, Any]:
        """The JSON Schema (OpenAPI 3.1) of one element on the wire."""

    def bson_schema(self, field: Field) -> dict[str, Any]:
        """The ``$jsonSchema`` of one stored element; ``{}`` admits anything."""
        return {"bsonType": list(self.bson)} if self.bson else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One declared field, with its names on both interfaces.

    ``path`` is the dotted stored path from the root of the document; it equals
    ``name`` except inside fields of type ``object``.
    """

    name: str
    path: str
    type: FieldType
    graphql_name: str
    description: str = ""
    required: bool = False
    unique: bool = False
    default: Any = MISSING
    regex: str | None = None
    options: tuple[str, ...] = ()
    multiple: bool = False
    format: str | None = None
    formula: Formula | None = None
    auto_increment: bool = False
    collection: str | None = None
    relation: Relation | None = None
    indexed: bool = False
    hidden: bool = False
    searchable: bool = False
    renamed_from: str | None = None
    fields: tuple[Field, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether the stored form is a list."""
        return self.multiple or self.type.always_list

    @property
    def is_stored(self) -> bool:
        """Whether the document itself holds a value (a child list holds none, SPEC 9.2)."""
        return self.relation is not Relation.CHILD
