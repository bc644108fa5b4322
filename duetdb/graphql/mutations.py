"""Root fields of mutations: each becomes one service write, and answers the documents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField

from duetdb.app.service.errors import BadRequest, NotFound
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Create, Delete, Document, Query, Update
from duetdb.app.service.reading.answer_size import check_size
from duetdb.graphql.call import Call
from duetdb.graphql.changes import changes_of, in_words_of_arguments
from duetdb.graphql.cost import Pages
from duetdb.graphql.parents import placed
from duetdb.graphql.roots import ReadRoot
from duetdb.graphql.rows import Row


@dataclass
class WriteRoot(ReadRoot):
    """A write of one collection, answered by rows of what it wrote."""

    async def rows(self, documents: Sequence[Document], call: Call) -> list[Row]:
        """The selection on documents as the write returned them, with what it attaches."""
        query = Query(
            collection=self.collection,
            projection=self.projection,
            expand=self.expansions(call),
            described=self.selection.described,
        )
        if query.expand or query.described:
            # Listeners of the event seam hold the same documents.
            copies = deepcopy(list(documents))
            await call.service.expand(copies, query, call.principal)
            documents = copies
        else:
            check_size(call.service.limits, len(documents) * self.projection.times)
        return self.selection.rows(documents)


@dataclass
class OneWriteRoot(WriteRoot):
    """A write of one document."""

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        self.expansions(call)  # a mistake in the selection is found before anything is written
        return (await self.rows([await self.write(arguments, call)], call))[0]

    @abstractmethod
    async def write(self, arguments: Mapping[str, Any], call: Call) -> Document:
        """Carries out the write; the answer is the document."""


@dataclass
class CreateRoot(OneWriteRoot):
    """``createX``."""

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Document:
        create = Create(collection=self.collection, documents=(arguments["data"],))
        return (await call.service.create(placed(create, call), call.principal))[0]


@dataclass
class UpdateRoot(OneWriteRoot):
    """``updateX``; ``field`` declares its arguments."""

    field: GraphQLField

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Document:
        changes = changes_of(arguments, self.field)
        update = Update(
            collection=self.collection,
            id=arguments["id"],
            changes=changes.values,
            operations=changes.operations,
            if_version=_version(arguments.get("ifVersion")),
        )
        try:
            return await call.service.update(update, call.principal)
        except BadRequest as error:
            raise in_words_of_arguments(error) from None


@dataclass
class ReplaceRoot(OneWriteRoot):
    """``replaceX``."""

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Document:
        update = Update(
            collection=self.collection,
            id=arguments["id"],
            changes=arguments["data"],
            replace=True,
            if_version=_version(arguments.get("ifVersion")),
            method="PUT",
        )
        return await call.service.update(update, call.principal)


@dataclass
class DeleteRoot(OneWriteRoot):
    """``deleteX``: answers the document as it was."""

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Document:
        delete = Delete(
            collection=self.collection,
            ids=(arguments["id"],),
            if_version=_version(arguments.get("ifVersion")),
        )
        found = await call.service.delete(delete, call.principal)
        if not found:
            raise NotFound(
                f"There is no document {arguments['id']:.100} in {self.collection.name!r}."
            )
        return found[0]


def _version(value: Any) -> int | None:
    """``ifVersion`` as a number; raises ``BadRequest`` for what is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadRequest("'ifVersion' must be an integer.", hint="Send the `_version` that you read.")


@dataclass
class CreateManyRoot(WriteRoot):
    """``createManyX``: all documents or none."""

    def pages(self, limits: Limits) -> Pages | None:
        return Pages(self.arguments.sizes("data"), 1, self.selection.pages)

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        self.expansions(call)
        create = Create(
            collection=self.collection,
            documents=tuple(arguments["data"]),
            validate=arguments.get("validate") is not False,
            array=True,
        )
        created = await call.service.create(placed(create, call), call.principal)
        return await self.rows(created, call)
