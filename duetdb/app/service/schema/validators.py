"""Keeps MongoDB's own validator of each collection in step with its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo.errors import OperationFailure

from duetdb.app.service.engine import Engine
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.validator import TITLE, json_schema

_log = structlog.get_logger(__name__)

_NAMESPACE_EXISTS: Final = 48
_NOT_FOUND: Final = 26
_UNAUTHORIZED: Final = 13


@dataclass(frozen=True, slots=True)
class Existing:
    """A collection as MongoDB holds it; ``kind`` is ``collection``, ``view`` or ``timeseries``."""

    kind: str
    validator: Mapping[str, Any]

    @property
    def schema(self) -> Mapping[str, Any]:
        """Its ``$jsonSchema``, whoever wrote it."""
        found = self.validator.get("$jsonSchema")
        return found if isinstance(found, Mapping) else {}

    @property
    def ours(self) -> bool:
        return self.schema.get("title") == TITLE


class Validators:
    """Creates collections, and sets validators that DuetDB wrote; others are left alone.

    The level is ``moderate``: documents that do not fit already, written before
    the metadata or beside it, stay changeable.
    """

    def __init__(self, engine: Engine) -> None:
        self._database = engine.database
        self._in_memory = engine.in_memory

    async def existing(self, name: str | None = None) -> dict[str, Existing]:
        """The collections of the database, or the one of that name if it is there."""
        if self._in_memory:
            names = await self._database.list_collection_names()
            return {each: Existing("collection", {}) for each in names if name in (None, each)}
        cursor = await self._database.list_collections(filter={"name": name} if name else {})
        return {
            each["name"]: Existing(
                each.get("type", "collection"), each.get("options", {}).get("validator", {})
            )
            async for each in cursor
        }

    async def create(self, name: str) -> bool:
        """Creates the collection; False if it is there already."""
        if self._in_memory:
            if name in await self._database.list_collection_names():
                return False
            await self._database.create_collection(name)
            return True
        try:
            await self._database.create_collection(name, check_exists=False)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
            return False
        return True

    async def apply(self, collection: Collection, existing: Existing) -> None:
        """Sets the validator that the metadata asks for, if it is another."""
        wanted = json_schema(collection)
        if existing.schema != wanted and (existing.ours or not existing.validator):
            await self._set(collection.name, existing, {"$jsonSchema": wanted})

    async def lift(self, name: str, existing: Existing) -> None:
        """Takes our validator away."""
        if existing.ours:
            await self._set(name, existing, {})

    async def _set(self, name: str, existing: Existing, validator: Mapping[str, Any]) -> None:
        if self._in_memory or existing.kind != "collection":
            return
        try:
            await self._database.command(
                {"collMod": name, "validator": validator, "validationLevel": "moderate"}
            )
        except OperationFailure as error:
            # A user with readWrite alone may not: the service's own validation still stands.
            if error.code not in (_UNAUTHORIZED, _NOT_FOUND):
                raise
            _log.warning("validator_not_set", collection=name, reason=error.code)
