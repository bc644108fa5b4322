"""Literals in the data of writes: GraphQL looks at their shape, the service at their values.

So what does not fit is said with the same list as in REST, and what REST reads
from a text, GraphQL reads too, whether it comes as a literal or in a variable.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    SKIP,
    GraphQLError,
    GraphQLInputType,
    ListValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    ValueNode,
    ValuesOfCorrectTypeRule,
    get_named_type,
)
from graphql.language import VisitorAction

from duetdb.graphql.coercion import data_shape
from duetdb.graphql.inputs import Shape
from duetdb.schema_gen.suggest import did_you_mean


class ServiceJudgesDataRule(ValuesOfCorrectTypeRule):
    """Values of correct type (GraphQL, section 5.6.1), scalars in data inputs excepted."""

    def is_valid_value_node(
        self, node: ValueNode, input_type: GraphQLInputType | None
    ) -> VisitorAction:
        shape = data_shape(input_type) if input_type else None
        if shape is None:
            return super().is_valid_value_node(node, input_type)
        for name, field, known in _unknown(node, shape):
            near = "" if self.context.hide_suggestions else did_you_mean(name, known)
            self.report_error(
                GraphQLError(
                    f"Expected value of type '{get_named_type(input_type)}' not to include "
                    f"unknown field '{name}'.{near}",
                    field,
                )
            )
        return SKIP


def _unknown(node: ValueNode, shape: Shape) -> Iterator[tuple[str, ObjectFieldNode, Shape]]:
    if isinstance(node, ListValueNode):
        for each in node.values:
            yield from _unknown(each, shape)
    if isinstance(node, ObjectValueNode):
        for field in node.fields:
            name = field.name.value
            if name not in shape:
                yield name, field, shape
            elif (parts := shape[name].parts) is not None:
                yield from _unknown(field.value, parts)
