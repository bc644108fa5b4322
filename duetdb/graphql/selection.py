"""Selection sets, compiled: what to read, what to attach, and the function that makes the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.query import EVERYTHING, Described, Expansion, Projection, Query
from duetdb.graphql.call import Call, Model, depends_on_time, page_of
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.cost import STORED_LIST, Pages
from duetdb.graphql.members import Extra, Link, Members, Nested, Pictures, Value
from duetdb.graphql.rows import (
    Rows,
    RowSource,
    add_address,
    add_constant,
    add_extra,
    add_known,
    add_link,
    add_nested,
    add_pictures,
    add_value,
)
from duetdb.graphql.scalars import DECLARED
from duetdb.graphql.types import NESTED_PAGE
from duetdb.schema_gen.model import Collection

Flags = Mapping[str, bool]
"""The variables that @skip and @include ask."""


@dataclass(frozen=True)
class Selection:
    """One selection set on documents of one collection.

    ``paths`` None reads whole documents. ``times`` is how often the field is
    shown that has the most names. ``described`` are the media fields of which
    more is shown than follows from their ids.
    """

    rows: Rows
    paths: tuple[str, ...] | None
    links: tuple[Attached, ...]
    times: int
    described: tuple[Described, ...] = ()

    @property
    def projection(self) -> Projection:
        if self.paths is None:
            return Projection(times=self.times)
        return Projection(self.paths or ("_id",), include=True, times=self.times)

    @property
    def constant(self) -> bool:
        """Whether the expansions are the same in every request."""
        return all(each.constant for each in self.links)

    @property
    def pages(self) -> tuple[Pages, ...]:
        """The sizes of the relations, and of the media lists of which more than ids is read."""
        media = (Pages((), STORED_LIST) for _ in self.described)
        return (*(each.pages for each in self.links), *media)

    def expansions(self, call: Call) -> tuple[Expansion, ...]:
        """What the service attaches to each document; raises ``BadQuery``."""
        found = (each.expansion(call) for each in self.links)
        return tuple(each for each in found if each is not None)


@dataclass(frozen=True)
class Attached:
    """One selected relation: the documents that the service puts under ``key``."""

    key: str
    link: Link
    target: Collection
    arguments: Arguments | None
    selection: Selection

    @property
    def constant(self) -> bool:
        own = self.arguments is None or (
            self.arguments.constant and not depends_on_time(self.arguments.read({}))
        )
        return own and self.selection.constant

    @property
    def pages(self) -> Pages:
        """How many documents it may have."""
        inside = self.selection.pages
        if self.arguments is not None:
            return Pages(self.arguments.sizes("max"), NESTED_PAGE, inside)
        return Pages((), 1 if self.link.single else STORED_LIST, inside)

    def expansion(self, call: Call) -> Expansion | None:
        """None when nothing is wanted of it."""
        wanted: dict[str, Any] = {"filter": EVERYTHING, "max": None}
        if self.arguments is not None:
            arguments = self.arguments.read(call.variables)
            page = page_of(self.target, arguments, call.model, call.service.limits, NESTED_PAGE)
            if page.max == 0:
                return None
            wanted = {
                "filter": page.filter,
                "order": page.order,
                "skip": page.skip,
                "max": page.max,
            }
        query = Query(
            collection=self.target,
            projection=self.selection.projection,
            expand=self.selection.expansions(call),
            described=self.selection.described,
            **wanted,
        )
        return Expansion(self.link.field, query, self.key, self.link.reverse)


class Compiler:
    """Compiles the selection sets of one operation, for one answer of its directives."""

    def __init__(
        self,
        model: Model,
        fragments: Mapping[str, FragmentDefinitionNode],
        flags: Flags,
    ) -> None:
        self.model = model
        self._fragments = fragments
        self._flags = flags
        self._reads = 0

    def count_read(self) -> None:
        """One database call more; raises ``LimitExceeded`` when there are too many."""
        self._reads += 1
        most = self.model.limits.graphql_reads
        if self._reads > most:
            raise LimitExceeded(
                f"The operation has more than {most:,} root fields and relations.",
                hint="Ask in several operations, or raise DUETDB_GRAPHQL_READS.",
            )

    def fields(
        self, type_name: str, sets: Iterable[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        """The fields that apply, by response key, merged as GraphQL's CollectFields says."""
        found: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for each in sets:
            if each is not None:
                self._collect(each, type_name, found, visited)
        return found

    def _collect(
        self,
        selections: SelectionSetNode,
        type_name: str,
        found: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for each in selections.selections:
            if not self._included(each):
                continue
            if isinstance(each, FieldNode):
                key = each.alias.value if each.alias else each.name.value
                found.setdefault(key, []).append(each)
                continue
            if isinstance(each, InlineFragmentNode):
                inner: InlineFragmentNode | FragmentDefinitionNode = each
            else:
                name = cast(Any, each).name.value
                if name in visited:
                    continue
                visited.add(name)
                inner = self._fragments[name]
            condition = inner.type_condition
            if condition is None or condition.name.value == type_name:
                self._collect(inner.selection_set, type_name, found, visited)

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in ("skip", "include"):
                value = cast(Any, directive.arguments)[0].value
                flag = (
                    self._flags[value.name.value]
                    if isinstance(value, VariableNode)
                    else value.value
                )
                if flag is (name == "skip"):
                    return False
        return True

    def selection(
        self, type_: GraphQLObjectType, members: Members, nodes: Sequence[FieldNode]
    ) -> Selection:
        """The selection that the field nodes make together on documents of ``type_``."""
        level = Level(self)
        return level.selection(level.rows(type_, members, nodes))


@dataclass(frozen=True)
class Level:
    """One database call's worth of a selection: documents, and the objects inside them."""

    compiler: Compiler
    paths: set[str] = field(default_factory=set)
    attached: set[str] = field(default_factory=set)
    links: list[Attached] = field(default_factory=list)
    described: dict[str, Described] = field(default_factory=dict)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each field of each object is shown."""

    def selection(self, rows: Rows) -> Selection:
        """The selection of everything that was compiled at this level."""
        paths = None if "" in self.paths else tuple(sorted(self.paths))
        times = max(self.shown.values(), default=1)
        return Selection(rows, paths, tuple(self.links), times, tuple(self.described.values()))

    def rows(self, type_: GraphQLObjectType, members: Members, nodes: Sequence[FieldNode]) -> Rows:
        """The function for what the nodes select together."""
        source = RowSource()
        sets = (each.selection_set for each in nodes)
        for key, fields in self.compiler.fields(type_.name, sets).items():
            name = fields[0].name.value
            member = members.get(name)
            if isinstance(member, Link):  # counts where its documents are counted
                self._add_link(source, key, type_, member, fields)
                continue
            self.shown[type_.name, name] += 1
            if name == "__typename":
                add_constant(source, key, type_.name)
            else:
                self._add(source, key, type_, member, fields)
        return source.build()

    def _add(
        self,
        source: RowSource,
        key: str,
        type_: GraphQLObjectType,
        member: Any,
        nodes: Sequence[FieldNode],
    ) -> None:
        if isinstance(member, Extra):
            self.paths.add(member.prefix)
            add_extra(source, key, member, self.attached)
        elif isinstance(member, Nested):
            inner = cast(GraphQLObjectType, get_named_type(_definition(type_, nodes).type))
            before = len(self.paths)
            rows = self.rows(inner, member.members, nodes)
            if member.many or len(self.paths) == before:
                self.paths.add(member.path)
            add_nested(source, key, member.name, member.many, rows)
        elif isinstance(member, Pictures):
            self.paths.add(member.path)
            self._add_pictures(source, key, member, nodes)
        else:
            assert isinstance(member, Value)
            self.paths.add(member.path)
            add_value(source, key, member)

    def _add_pictures(
        self, source: RowSource, key: str, member: Pictures, nodes: Sequence[FieldNode]
    ) -> None:
        media = cast(GraphQLObjectType, DECLARED["Media"])
        rows = RowSource()
        is_described = False
        sets = (each.selection_set for each in nodes)
        for inner, fields in self.compiler.fields(media.name, sets).items():
            name = fields[0].name.value
            self.shown[member.path, name] += 1
            if name == "__typename":
                add_constant(rows, inner, media.name)
            elif name in _ADDRESSES:
                add_address(rows, inner, self.compiler.model.media_url, _ADDRESSES[name])
            elif name in _IDS:
                add_known(rows, inner, "_id")
            else:
                is_described = True
                add_known(rows, inner, name)
        attached = self._described(member.path) if is_described else None
        add_pictures(source, key, member, rows.build(), attached)

    def _described(self, path: str) -> str:
        """The key under which the metadata of a media field is attached."""
        if not self.described:
            self.compiler.count_read()  # one for all media fields of the level
        if path not in self.described:
            key = f"$media{len(self.described)}"
            self.attached.add(key)
            self.described[path] = Described(path, key)
        return self.described[path].key

    def _add_link(
        self,
        source: RowSource,
        key: str,
        type_: GraphQLObjectType,
        link: Link,
        nodes: Sequence[FieldNode],
    ) -> None:
        self.compiler.count_read()
        model = self.compiler.model
        definition = _definition(type_, nodes)
        target = cast(GraphQLObjectType, get_named_type(definition.type))
        attached = f"${len(self.links)}"
        self.attached.add(attached)
        self.links.append(
            Attached(
                attached,
                link,
                model.schema.collections[link.target],
                Arguments(definition, nodes[0]) if link.paged else None,
                self.compiler.selection(target, model.members(link.target), nodes),
            )
        )
        add_link(source, key, attached, link.single, self.links[-1].selection.rows)


_IDS: Container[str] = ("_id", "id")
_ADDRESSES: Mapping[str, str] = {"url": "", "thumbnailUrl": "?s=t", "webUrl": "?s=w"}
"""Fields of ``Media`` for which nothing is read, and how those addresses end."""


def _definition(type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Any:
    return type_.fields[nodes[0].name.value]
