"""All GraphQL types of one collection, each built when it is first looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from graphql import GraphQLInputObjectType, GraphQLNamedType, GraphQLObjectType

from duetdb.graphql.figure_types import FigureTypes
from duetdb.graphql.inputs import data_type, order_type, where_type
from duetdb.graphql.members import Members
from duetdb.graphql.operator_inputs import OperatorTypes
from duetdb.graphql.types import connection_type, object_type
from duetdb.schema_gen.model import Collection


@dataclass(frozen=True, eq=False)
class TypeSet:
    """The types of one collection in one generation, or in several in a row.

    ``targets`` are the type sets that its own types lead to, by collection.
    """

    collection: Collection
    members: Members
    targets: dict[str, TypeSet] = field(default_factory=dict)

    def find(self, collection: str) -> TypeSet:
        return self.targets[collection]

    @property
    def named(self) -> tuple[GraphQLNamedType, ...]:
        """The types of its own that others may lead to, or that its root fields are made of."""
        rights = self.collection.rights
        found: list[GraphQLNamedType] = [self.object]
        if rights.can_list or (rights.can_read and (rights.followed or rights.below)):
            found += (self.where, self.order_by)
        if rights.can_list:
            found.append(self.connection)
        if "POST" in rights.methods or any(map(rights.on_documents, ("PUT", "PATCH"))):
            found.append(self.input)
        return tuple(found)

    @cached_property
    def object(self) -> GraphQLObjectType:
        return object_type(self.collection, self.members, self.find)

    @cached_property
    def where(self) -> GraphQLInputObjectType:
        return where_type(self.collection, self.members, self.find)

    @cached_property
    def order_by(self) -> GraphQLInputObjectType:
        return order_type(self.collection, self.members, self.find)

    @cached_property
    def input(self) -> GraphQLInputObjectType:
        return data_type(self.collection)

    @cached_property
    def connection(self) -> GraphQLObjectType:
        return connection_type(self.collection, self.object)

    @cached_property
    def operators(self) -> OperatorTypes:
        return OperatorTypes(self.collection, self.input)

    @cached_property
    def figures(self) -> FigureTypes:
        return FigureTypes(self.collection, self.members)
