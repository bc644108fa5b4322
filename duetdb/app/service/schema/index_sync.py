"""Keeps the indexes of a collection in step with its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import structlog
from bson.json_util import RELAXED_JSON_OPTIONS, dumps
from pymongo import IndexModel
from pymongo.errors import OperationFailure

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadMetadata
from duetdb.schema_gen.indexes import PREFIX, Index, indexes
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.problem import Problem

_log = structlog.get_logger(__name__)

_DUPLICATE_KEY: Final = frozenset((11000, 11001))
_NOT_FOUND: Final = frozenset((26, 27))  # namespace, index: somebody else dropped it
_SAME_UNDER_OTHER_NAME: Final = frozenset((68, 85))
_SHOWN: Final = 5
_SHOWN_LENGTH: Final = 80
_LOOK_MS: Final = 60_000


class IndexSync:
    """Creates and drops indexes named ``duet_``; all others belong to somebody else.

    In memory there are no such indexes, and uniqueness is the writer's look-up.
    """

    def __init__(self, engine: Engine) -> None:
        self._database = engine.database
        self._in_memory = engine.in_memory

    async def build_unique(self, collection: Collection) -> tuple[Index, ...]:
        """Creates the unique indexes that are missing, and answers with those that it made.

        Raises ``BadMetadata`` with the values that existing documents share, with
        no index of this call left behind. Problem paths are stored field paths.
        """
        made: list[Index] = []
        existing = await self._existing(collection.name)
        for index in indexes(collection):
            if not index.unique or index.name in existing:
                continue
            try:
                await self._create_unique(collection.name, index)
            except BaseException:
                await self.drop(collection.name, made)
                raise
            made.append(index)
        return tuple(made)

    async def drop(self, name: str, unwanted: Sequence[Index]) -> None:
        """Takes indexes away again; one that is gone already is no error."""
        for index in unwanted:
            await self._drop(name, index.name)

    async def settle(self, collection: Collection) -> tuple[str, ...]:
        """Creates every index that is missing, then drops those no longer wanted.

        The answer is a sentence for each index that MongoDB refused.
        """
        if self._in_memory:
            return ()
        wanted = {index.name: index for index in indexes(collection)}
        existing = await self._existing(collection.name)
        refused: list[str] = []
        for name, index in wanted.items():
            if name in existing:
                continue
            try:
                await self._create(collection.name, index)
            except OperationFailure as error:
                told = _details(error)
                refused.append(f"The index on {index.path!r} cannot be built: {told}")
                _log.error(
                    "index_refused", collection=collection.name, path=index.path, reason=told
                )
        for name in existing - wanted.keys():
            await self._drop(collection.name, name)
        return tuple(refused)

    async def clear(self, name: str) -> None:
        """Drops all managed indexes of a collection that has no metadata any more."""
        for each in await self._existing(name):
            await self._drop(name, each)

    async def _existing(self, name: str) -> set[str]:
        """The names of the managed indexes that are there."""
        if self._in_memory:
            return set()
        found = await self._database[name].index_information()
        return {each for each in found if each.startswith(PREFIX)}

    async def _create(self, name: str, index: Index) -> None:
        options = {"partialFilterExpression": index.partial} if index.partial else {}
        model = IndexModel(list(index.keys), name=index.name, unique=index.unique, **options)
        try:
            await self._database[name].create_indexes([model])
        except OperationFailure as error:
            if error.code not in _SAME_UNDER_OTHER_NAME:
                raise

    async def _create_unique(self, name: str, index: Index) -> None:
        if self._in_memory:
            if values := await self._shared_values(name, index):
                raise _not_unique(index, values)
            return
        try:
            await self._create(name, index)
        except OperationFailure as error:
            if error.code in _DUPLICATE_KEY:
                raise _not_unique(index, await self._shared_values(name, index)) from error
            message = f"{index.path!r} cannot be unique here: {_details(error)}"
            raise BadMetadata([Problem(index.path, message)]) from error

    async def _shared_values(self, name: str, index: Index) -> list[Any]:
        """Some of the values that more than one document has, and the number of their documents."""
        path = index.path
        counted = {path: (index.partial or {}).get(path, {"$exists": True})}
        cursor = await self._database[name].aggregate(
            [
                {"$match": counted},
                {"$unwind": f"${path}"},
                {"$match": counted},
                {"$group": {"_id": f"${path}", "documents": {"$sum": 1}}},
                {"$match": {"documents": {"$gt": 1}}},
                {"$limit": _SHOWN + 1},
            ],
            **({} if self._in_memory else {"allowDiskUse": True, "maxTimeMS": _LOOK_MS}),
        )
        found: list[Any] = await cursor.to_list(None)
        return found

    async def _drop(self, name: str, index: str) -> None:
        if self._in_memory:
            return
        try:
            await self._database[name].drop_index(index)
        except OperationFailure as error:
            if error.code not in _NOT_FOUND:
                raise


def _not_unique(index: Index, values: Sequence[Any]) -> BadMetadata:
    shown = ", ".join(
        f"{_shown(each['_id'])} ({each['documents']} documents)" for each in values[:_SHOWN]
    )
    more = ", and more" if len(values) > _SHOWN else ""
    told = f"existing documents share {shown}{more}" if shown else "existing documents share values"
    return BadMetadata(
        [Problem(index.path, f"{index.path!r} cannot be unique: {told}.")],
        hint="Change those documents first. Nothing was changed.",
    )


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else dumps(value, json_options=RELAXED_JSON_OPTIONS)
    cut = text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"
    return json.dumps(cut, ensure_ascii=False) if isinstance(value, str) else cut


def _details(error: OperationFailure) -> str:
    """What MongoDB says, without the driver's dump of the whole answer."""
    details = error.details or {}
    return str(details.get("errmsg", error))[:300]
