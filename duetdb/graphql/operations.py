"""Texts, parsed and validated once for each generation, with the plans of their operations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    ValuesOfCorrectTypeRule,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits
from duetdb.graphql.coercion import VariableReader, Variables
from duetdb.graphql.data_rule import ServiceJudgesDataRule
from duetdb.graphql.kept_texts import Budget, KeptTexts, weight_of
from duetdb.graphql.measure import Measure, check_measure
from duetdb.graphql.plan import Plan, Planner
from duetdb.graphql.selection import Flags
from duetdb.graphql.telling import Telling

_LONGEST_TOKEN = 40
"""Characters of a text for each token that it may have, comments and white space counted."""
_LONGEST_QUICK = 2_000
"""Characters of a text that is validated at once; a longer one would hold up other requests."""
_PLANS = 16
"""Plans kept for one operation: its answers to @skip and @include."""
_MOST_ERRORS = 20


class Refused(Exception):
    """The request as a whole cannot be carried out; ``errors`` say why."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("The operation is refused.")
        self.errors = tuple(errors)


def refuse(sentence: str) -> Refused:
    return Refused([GraphQLError(sentence)])


@dataclass
class Operation:
    """One operation of a valid text."""

    node: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    planner: Planner
    reader: VariableReader
    flags: tuple[str, ...]
    """The variables that decide on @skip and @include."""
    fields: int
    """What it selects, each fragment counted wherever it is used."""
    plans: dict[tuple[bool, ...], Plan] = field(default_factory=dict)

    @property
    def most_fields(self) -> int:
        """The fields of all the plans that may be kept, or more."""
        return min(1 << len(self.flags), _PLANS) * self.fields

    @property
    def is_mutation(self) -> bool:
        return self.node.operation is OperationType.MUTATION

    def plan(self, variables: Variables) -> Plan:
        """The plan for coerced variables; raises as ``Planner.plan`` does."""
        answers = tuple([self._flag(name, variables) for name in self.flags])
        plan = self.plans.get(answers)
        if plan is None:
            flags: Flags = dict(zip(self.flags, answers, strict=True))
            plan = self.planner.plan(self.node, self.fragments, flags)
            if len(self.plans) < _PLANS:
                self.plans[answers] = plan
        return plan

    def _flag(self, name: str, variables: Variables) -> bool:
        answer = variables.get(name)
        if isinstance(answer, bool):
            return answer
        raise GraphQLError(f"'${name}' decides on @skip or @include and must be true or false.")


class Operations:
    """The operations that one generation's schema allows, by text.

    ``telling`` says whether the schema can be asked for, or guessed from suggestions.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        planner: Planner,
        limits: Limits,
        telling: Telling,
        budget: Budget,
    ) -> None:
        self._schema = schema
        self._planner = planner
        self._limits = limits
        self._telling = telling
        self._texts: KeptTexts[Mapping[str, Operation]] = KeptTexts(budget)

    async def find(self, text: str, name: str | None) -> Operation:
        """The operation called ``name``, or the only one of the text.

        Raises ``LimitExceeded`` when the text asks for too much, and ``Refused``
        when it or its meaning is wrong, or the name picks none of its operations.
        """
        operations = self._texts.get(text)
        if operations is None:
            if len(text) > _LONGEST_QUICK:
                operations = await asyncio.to_thread(self._prepare, text)
            else:
                operations = self._prepare(text)
            most_fields = sum(each.most_fields for each in operations.values())
            self._texts.keep(text, operations, weight_of(text, most_fields))
        if name is None or name == "":
            if len(operations) == 1:
                return next(iter(operations.values()))
            raise refuse("The text has several operations: name one in 'operationName'.")
        operation = operations.get(name)
        if operation is None:
            raise refuse(f"The text has no operation named '{name:.100}'.")
        return operation

    def _prepare(self, text: str) -> Mapping[str, Operation]:
        try:
            document = parsed(text, self._limits.graphql_tokens)
            measure = Measure(document)
            check_measure(measure, self._limits)
            if measure.whole.schema is not None and not self._telling.introspection:
                raise refuse("This caller may not ask for the schema, which is introspection.")
            errors = validate(
                self._schema,
                document,
                _RULES,
                max_errors=_MOST_ERRORS,
                hide_suggestions=not self._telling.suggestions,
                allow_empty_selection_sets=False,
            )
        except GraphQLError as error:
            raise Refused([error]) from None
        except RecursionError:
            raise refuse("The text is nested too deeply.") from None
        errors += measure.merging.errors
        if errors:
            raise Refused([_explained(each) for each in errors])
        _unlink_tokens(document)
        operations = dict(self._operations(document, measure))
        if not operations:
            raise refuse("The text has no operation.")
        return operations

    def _operations(
        self, document: DocumentNode, measure: Measure
    ) -> Iterator[tuple[str, Operation]]:
        asked = _asked_by_directives(document)
        for node, size in measure.operations:
            definitions = node.variable_definitions or ()
            declared = [definition.variable.name.value for definition in definitions]
            flags = tuple(name for name in declared if name in asked)
            reader = VariableReader(self._schema, definitions, self._telling.suggestions)
            yield (
                node.name.value if node.name else "",
                Operation(node, measure.fragments, self._planner, reader, flags, size.selected),
            )


_RULES = tuple(
    ServiceJudgesDataRule if each is ValuesOfCorrectTypeRule else each
    for each in specified_rules
    if each is not OverlappingFieldsCanBeMergedRule  # compares in pairs: see Merging
)


def parsed(text: str, most_tokens: int) -> DocumentNode:
    """The text as a document; raises ``GraphQLError``, and ``LimitExceeded`` for a long one."""
    longest = most_tokens * _LONGEST_TOKEN
    if len(text) > longest:
        raise LimitExceeded(f"The text has more than {longest:,} characters.", hint=_SHORTER)
    try:
        return parse(text, max_tokens=most_tokens, allow_empty_selection_sets=False)
    except GraphQLSyntaxError as error:
        if "Parsing aborted" not in error.message:
            raise
        raise LimitExceeded(
            f"The text has more than {most_tokens:,} tokens.", hint=_SHORTER
        ) from None


_SHORTER = "Ask in several operations, or raise DUETDB_GRAPHQL_TOKENS."


def _unlink_tokens(document: DocumentNode) -> None:
    """Lets go of the chain of tokens, which only parsing needs.

    Each token holds its neighbours, so the text that goes would stay in memory
    until a collection of everything, and those are rare.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token.next, token = None, None, token.next


def _explained(error: GraphQLError) -> GraphQLError:
    """The error with a sentence that helps, where graphql-core only says that it gave up."""
    if error.message != "Validation aborted.":
        return error
    return GraphQLError(
        "The text is too entangled to be checked: repeat fewer fields, and nest fewer fragments."
    )


def _asked_by_directives(document: DocumentNode) -> set[str]:
    finder = _FlagFinder()
    visit(document, finder)
    return finder.names


class _FlagFinder(Visitor):
    """Collects the variables that directives of selections ask."""

    names: set[str]

    def __init__(self) -> None:
        super().__init__()
        self.names = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)
