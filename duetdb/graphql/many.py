"""``updateManyX`` and ``deleteManyX``: writes of many documents, answered by what they did."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from duetdb.app.service.encoding import id_text
from duetdb.app.service.errors import BadRequest, LimitExceeded
from duetdb.app.service.query import Delete, Filter, Match, Outcome, UpdateMany
from duetdb.graphql.call import Call, filter_of
from duetdb.graphql.changes import changes_of, in_words_of_arguments
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.roots import Root
from duetdb.graphql.rows import Rows, RowSource, add_constant, add_nested
from duetdb.graphql.selection import Compiler
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.values import parse_id

_WHICH = ("ids", "where")


@dataclass
class ManyRoot(Root):
    """A write of the documents that ``ids`` or ``where`` name, exactly one of them."""

    collection: Collection
    arguments: Arguments
    rows: Rows

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        if (arguments.get("ids") is None) == (arguments.get("where") is None):
            raise BadRequest(
                "Give either 'ids' or 'where'.", hint="where: {} means every document."
            )
        absent = self.arguments.absent(call.variables, _WHICH)
        if absent is not None:
            raise BadRequest(
                f"'${absent}' is not given, and without it more could be written than is meant.",
                hint="Give the variable, or leave it out of the text.",
            )
        outcome = await self.write(arguments, call)
        failed = [{"id": id_text(id_), "message": said} for id_, said in outcome.failed]
        shown = {"matched": outcome.matched, "modified": outcome.modified, "failed": failed}
        return self.rows((shown,))[0]

    @abstractmethod
    async def write(self, arguments: Mapping[str, Any], call: Call) -> Outcome:
        """Carries out the write."""


@dataclass
class DeleteManyRoot(ManyRoot):
    """``deleteManyX``: of ids all are deleted or none, by ``where`` they go in batches."""

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Outcome:
        ids = arguments.get("ids")
        deleted: Sequence[Any]
        if ids is not None:
            delete = Delete(collection=self.collection, ids=tuple(ids))
            deleted = await call.service.delete(delete, call.principal)
        else:
            wanted = filter_of(self.collection, arguments, call.model, call.service.limits)
            delete = Delete(collection=self.collection, filter=wanted)
            deleted = await call.service.delete_matching(delete, call.principal)
        return Outcome(matched=len(deleted), modified=len(deleted))


@dataclass
class UpdateManyRoot(ManyRoot):
    """``updateManyX``: each document is changed on its own, and may fail on its own."""

    field: GraphQLField

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Outcome:
        changes = changes_of(arguments, self.field)
        update = UpdateMany(
            collection=self.collection,
            filter=self._which(arguments, call),
            changes=changes.values,
            operations=changes.operations,
        )
        try:
            return await call.service.update_many(update, call.principal)
        except BadRequest as error:
            raise in_words_of_arguments(error) from None

    def _which(self, arguments: Mapping[str, Any], call: Call) -> Filter:
        limits = call.service.limits
        ids = arguments.get("ids")
        if ids is None:
            return filter_of(self.collection, arguments, call.model, limits)
        if len(ids) > limits.bulk_documents:
            raise LimitExceeded(
                f"One request changes at most {limits.bulk_documents:,} ids.",
                hint="Send the ids in several requests.",
            )
        parsed = (parse_id(self.collection, each) for each in ids)
        return Match("_id", "in", [each for each in parsed if each is not None])


def plain_rows(compiler: Compiler, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Rows:
    """The function for objects that are made here, under the names of a declared type."""
    source = RowSource()
    sets = (each.selection_set for each in nodes)
    for key, fields in compiler.fields(type_.name, sets).items():
        name = fields[0].name.value
        inner = get_named_type(type_.fields[name].type) if name in type_.fields else None
        if inner is None:
            add_constant(source, key, type_.name)
        elif isinstance(inner, GraphQLObjectType):
            add_nested(source, key, name, True, plain_rows(compiler, inner, fields))
        else:
            source.show(key, f"get({source.bind(name)})")
    return source.build()
