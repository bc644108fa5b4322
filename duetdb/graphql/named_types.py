"""Types of graphql-core that take the names of their fields as they are.

graphql-core looks at each character of each field's name in each type, which
is half of what building the types of hundreds of collections costs. The names
here come from ``schema_gen.names``, which makes good ones only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from graphql import GraphQLField, GraphQLInputField, GraphQLInputObjectType, GraphQLObjectType

Fields: TypeAlias = "Callable[[], dict[str, GraphQLField]]"
InputFields: TypeAlias = "Callable[[], dict[str, GraphQLInputField]]"
"""Makes the fields of a type when they are first looked at."""


class ObjectType(GraphQLObjectType):
    """An output type."""

    def __init__(self, name: str, fields: Fields, description: str | None = None) -> None:
        super().__init__(name, {}, description=description)
        self._make = fields

    @cached_property
    def fields(self) -> dict[str, GraphQLField]:
        """The fields by their names."""
        return self._make()


class InputType(GraphQLInputObjectType):
    """An input type."""

    def __init__(
        self,
        name: str,
        fields: InputFields,
        description: str | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name, {}, description=description, extensions=dict(extensions or {}))
        self._make = fields

    @cached_property
    def fields(self) -> dict[str, GraphQLInputField]:
        """The fields by their names."""
        return self._make()
