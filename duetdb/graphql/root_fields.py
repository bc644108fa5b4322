"""The root fields that a collection brings along, as DESIGN's interface names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLField

from duetdb.graphql.mutation_fields import mutation_fields
from duetdb.graphql.query_fields import query_fields
from duetdb.graphql.type_set import TypeSet


@dataclass(frozen=True, slots=True)
class RootFields:
    """What one collection adds to Query and to Mutation, by name."""

    queries: Mapping[str, GraphQLField]
    mutations: Mapping[str, GraphQLField]


def root_fields(types: TypeSet, *, by_filter: bool) -> RootFields:
    """The root fields of a collection for the methods that may be used on it.

    ``by_filter`` says whether they write what a filter finds.
    """
    return RootFields(query_fields(types), mutation_fields(types, by_filter=by_filter))
