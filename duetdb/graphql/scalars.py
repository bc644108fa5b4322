"""What GraphQL has besides the generated types, declared with Strawberry: scalars and page info."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from graphql import GraphQLNamedType, specified_scalar_types
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from duetdb.app.service.encoding import wire

DateTime = NewType("DateTime", object)
Date = NewType("Date", object)
Time = NewType("Time", object)
JSON = NewType("JSON", object)
Long = NewType("Long", object)

_DESCRIPTIONS: Mapping[Any, str] = {
    DateTime: "An instant in UTC: `2016-10-11T20:36:00.000Z`. Input may be any ISO 8601 text.",
    Date: "A day, written as its midnight in UTC: `2016-10-11T00:00:00.000Z`.",
    Time: "A time of day, written on 1970-01-01 in UTC: `1970-01-01T20:36:00.000Z`.",
    JSON: "Any JSON value.",
    Long: "An integer of 64 bits. Input may also be a numeric text.",
}


def _scalar(name: str, description: str) -> ScalarDefinition:
    # Input passes as it is: the service coerces it exactly as it does for REST,
    # and its errors name the field.
    return strawberry.scalar(
        name=name, description=description, serialize=wire, parse_value=lambda value: value
    )


@strawberry.enum(description="The direction of an order key.")
class Direction(enum.Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.type(description="Where a page of a connection lies.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(
    description="A picture or file of the media archive; what is known of it is null if it is gone."
)
class Media:
    _id: strawberry.ID = strawberry.field(name="_id")
    id: strawberry.ID = strawberry.field(deprecation_reason="Ask for `_id`, as in all types.")
    url: str = strawberry.field(description="Where its bytes are read, without a key.")
    thumbnail_url: str = strawberry.field(description="The same 128 pixels wide, for pictures.")
    web_url: str = strawberry.field(description="The same 640 pixels wide, for pictures.")
    _created: DateTime | None = strawberry.field(
        name="_created", description="When it was uploaded."
    )
    _createdby: str | None = strawberry.field(name="_createdby", description="Who uploaded it.")
    app: str | None = strawberry.field(description="The name of the database.")
    origname: str | None = strawberry.field(description="The name that it was uploaded under.")
    file: str | None = strawberry.field(description="The name that it is stored under.")
    mediatype: str | None
    exif: JSON | None
    filesize: Long | None = strawberry.field(description="In bytes.")
    width: Long | None = strawberry.field(description="In pixels, of pictures.")
    height: Long | None = strawberry.field(description="In pixels, of pictures.")


@strawberry.type(description="A document that was meant to be written, and why it was not.")
class FailedWrite:
    id: strawberry.ID
    message: str


@strawberry.type(description="What a write of many documents did.")
class ManyResult:
    matched: Long = strawberry.field(description="Documents that were meant.")
    modified: Long = strawberry.field(description="Those of them that were changed or deleted.")
    failed: list[FailedWrite]


@strawberry.type
class Declared:
    """The root that makes Strawberry convert the declared types; generated roots replace it."""

    date_time: DateTime | None = None
    date: Date | None = None
    time: Time | None = None
    json: JSON | None = None
    long: Long | None = None
    direction: Direction | None = None
    page_info: PageInfo | None = None
    media: Media | None = None
    many_result: ManyResult | None = None


CONFIG = StrawberryConfig(
    scalar_map={
        kind: _scalar(kind.__name__, description) for kind, description in _DESCRIPTIONS.items()
    }
)

DECLARED: Mapping[str, GraphQLNamedType] = {
    **specified_scalar_types,
    **strawberry.Schema(query=Declared, config=CONFIG)._schema.type_map,
}
"""Every declared type by its GraphQL name, GraphQL's own scalars included."""
