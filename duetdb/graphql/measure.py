"""How much a text asks for, counted before it is validated: what is too much costs no more.

Fragments that use each other twice make a million fields of a few lines. So everything is counted
first, each fragment once however often it is used, and the selections themselves are followed only
when there are few of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits
from duetdb.graphql.introspection_writer import FIELDS as INTROSPECTION
from duetdb.graphql.merging import Merging

_LISTS = frozenset(
    ("types", "fields", "args", "inputFields", "interfaces", "enumValues", "possibleTypes")
)
"""Fields of introspection that may each have every type or field of the schema in them."""


@dataclass(slots=True)
class Size:
    """What a selection asks for, each fragment counted wherever it is used.

    ``selected`` counts fields and uses of fragments, ``width`` the fields at the
    top, ``depth`` the levels of objects. ``schema`` is what is asked of the
    schema itself, by ``__schema`` and ``__type``, and counts for nothing else.
    """

    selected: int = 0
    width: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    lists: int = 0
    schema: Size | None = None

    def add(self, other: Size) -> None:
        """Counts another selection beside this one."""
        self.selected += other.selected
        self.width += other.width
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.directives += other.directives
        self.lists += other.lists
        if other.schema is not None:
            self.schema = self.schema or Size()
            self.schema.add(other.schema)


class Measure:
    """Counts what the definitions of one text ask for."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments: Mapping[str, FragmentDefinitionNode] = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}
        self.operations: Sequence[tuple[OperationDefinitionNode, Size]] = [
            (each, self._of(each.selection_set))
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
        ]
        unused = [each for name, each in self.fragments.items() if name not in self._known]
        self._sets = [each.selection_set for each, _ in self.operations]
        self._sets += [each.selection_set for each in unused]
        self.whole = Size()
        for _, size in self.operations:
            self.whole.add(size)
        for each in unused:
            self.whole.add(self._of_fragment(each.name.value))

    @cached_property
    def merging(self) -> Merging:
        """What is selected under the same key; ask only when few places use fragments."""
        merging = Merging(self.fragments)
        for each in self._sets:
            merging.follow([each])
        return merging

    def _of(self, selected: SelectionSetNode | None) -> Size:
        total = Size()
        for each in selected.selections if selected is not None else ():
            total.directives += len(each.directives or ())
            if isinstance(each, FieldNode):
                total.add(self._of_field(each))
                continue
            total.selected += 1
            if isinstance(each, FragmentSpreadNode):
                total.add(self._of_fragment(each.name.value))
            elif isinstance(each, InlineFragmentNode):
                total.add(self._of(each.selection_set))
        return total

    def _of_field(self, node: FieldNode) -> Size:
        size = self._of(node.selection_set)
        size.selected += 1
        size.width = 1
        size.depth += node.selection_set is not None
        size.aliases += node.alias is not None
        size.lists += node.name.value in _LISTS
        return Size(schema=size) if node.name.value in INTROSPECTION else size

    def _of_fragment(self, name: str) -> Size:
        """Nothing for one that is missing or uses itself: validation says so."""
        known = self._known.get(name)
        if known is None:
            self._known[name] = Size()
            fragment = self.fragments.get(name)
            known = self._of(fragment.selection_set if fragment is not None else None)
            self._known[name] = known
        return known


def check_measure(measure: Measure, limits: Limits) -> None:
    """Raises ``LimitExceeded`` when a text asks for too much."""
    whole, schema = measure.whole, measure.whole.schema or Size()
    roots = max((size.width for _, size in measure.operations), default=0)
    for asked, name, sentence, remedy in (
        (whole.selected, "fields", "selects more than {} fields", _LESS),
        (whole.depth, "depth", "selects objects inside objects more than {} levels deep", _INNER),
        (roots, "roots", "has more than {} root fields", _SEVERAL),
        (whole.aliases, "aliases", "gives more than {} fields another name", _SEVERAL),
        (whole.directives, "directives", "has more than {} directives", _SEVERAL),
        (schema.selected, "schema_fields", "selects more than {} fields of the schema", _LESS),
        (schema.depth, "schema_depth", "asks more than {} levels deep for the schema", _INNER),
        (schema.lists, "schema_lists", "asks for more than {} lists of the schema", _WHOLE),
    ):
        _check(asked, f"graphql_{name}", sentence, remedy, limits)
    sentence = "selects fields again more than {} times"
    _check(measure.merging.repeated, "graphql_repeats", sentence, "Select each field once", limits)


_LESS = "Ask for less at a time; a fragment counts wherever it is used"
_INNER = "Ask for the inner ones by an operation of their own"
_SEVERAL = "Ask in several operations"
_WHOLE = "Ask for the whole schema once, or for less of it at a time"


def _check(asked: int, name: str, sentence: str, remedy: str, limits: Limits) -> None:
    most: int = getattr(limits, name)
    if asked > most:
        raise LimitExceeded(
            f"The operation {sentence.format(f'{most:,}')}.",
            hint=f"{remedy}, or raise DUETDB_{name.upper()}.",
        )
