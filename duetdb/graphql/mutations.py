"""Root fields of mutations: each becomes one service write, and answers the documents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from duetdb.app.service.errors import BadRequest, LimitExceeded, NotFound
from duetdb.app.service.query import And, Create, Delete, Document, Match, Query, Update
from duetdb.graphql.call import Call, filter_of
from duetdb.graphql.roots import ReadRoot
from duetdb.graphql.rows import Row


@dataclass
class WriteRoot(ReadRoot):
    """A write of one collection, answered by rows of what it wrote."""

    async def rows(self, documents: Sequence[Document], call: Call) -> list[Row]:
        """The selection on documents as the write returned them, relations attached."""
        expansions = self.expansions(call)
        if expansions:
            # Listeners of the event seam hold the same documents.
            copies = deepcopy(list(documents))
            query = Query(collection=self.collection, expand=expansions)
            await call.service.expand(copies, query, call.principal)
            documents = copies
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
        return (await call.service.create(create, call.principal))[0]


@dataclass
class UpdateRoot(OneWriteRoot):
    """``updateX``, and with ``replace`` also ``replaceX``."""

    replace: bool = False

    async def write(self, arguments: Mapping[str, Any], call: Call) -> Document:
        update = Update(
            collection=self.collection,
            id=arguments["id"],
            changes=arguments["data"],
            replace=self.replace,
            if_version=_version(arguments.get("ifVersion")),
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

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        self.expansions(call)
        create = Create(
            collection=self.collection,
            documents=tuple(arguments["data"]),
            validate=arguments.get("validate") is not False,
            array=True,
        )
        return await self.rows(await call.service.create(create, call.principal), call)


@dataclass
class DeleteManyRoot(WriteRoot):
    """``deleteManyX``: by ids or by filter, exactly one of them."""

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        ids, where = arguments.get("ids"), arguments.get("where")
        if (ids is None) == (where is None):
            raise BadRequest(
                "Give either 'ids' or 'where'.", hint="where: {} deletes every document."
            )
        absent = self.arguments.absent(call.variables)
        if absent is not None:
            raise BadRequest(
                f"'${absent}' is not given, and without it more could be deleted than is meant.",
                hint="Give the variable, or leave it out of the text.",
            )
        self.expansions(call)
        if ids is not None:
            delete = Delete(collection=self.collection, ids=tuple(ids))
            found = await call.service.delete(delete, call.principal)
        else:
            found = await self._matching(arguments, call)
        return await self.rows(found, call)

    async def _matching(self, arguments: Mapping[str, Any], call: Call) -> list[Document]:
        """Reads what matches, then deletes of it what still does."""
        limits = call.service.limits
        wanted = filter_of(self.collection, arguments, call.model, limits)
        most = limits.bulk_documents
        query = Query(
            collection=self.collection, filter=wanted, max=most + 1, projection=self.projection
        )
        found = await call.service.find(query, call.principal)
        if len(found) > most:
            raise LimitExceeded(
                f"One request deletes at most {most:,} documents, and more match.",
                hint="Narrow 'where', or use DELETE /rest/<collection>/*?q={...}.",
            )
        if not found:
            return []
        still = And((wanted, Match("_id", "in", [each["_id"] for each in found])))
        delete = Delete(collection=self.collection, filter=still)
        deleted = set(await call.service.delete_matching(delete, call.principal))
        return [each for each in found if each["_id"] in deleted]
