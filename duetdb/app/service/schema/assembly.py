"""Builds a generation: the schema, and what the interfaces make of it, in one value."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from traceback import format_tb
from types import MappingProxyType
from typing import Any, TypeAlias

import structlog

from duetdb.app.service.schema.metadata_store import Definition
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.model import Schema
from duetdb.schema_gen.system import USERS

_log = structlog.get_logger(__name__)

Builder: TypeAlias = Callable[[Schema, Any | None], Any]
"""Makes an interface's part from the new schema and the part that it made before.

Pure, because it runs in a thread and its answer may be thrown away. To point at
the collection at fault it may raise an exception with an attribute ``collection``.
"""


class Unbuildable(Exception):
    """A builder fails, and no single collection's metadata is the cause."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One version of everything, swapped whole: a request takes one and finishes on it."""

    schema: Schema = field(default_factory=Schema)
    parts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class Assembler:
    """Runs the registered builders; no I/O and no state but the register.

    ``users`` is the collection of the users' records.
    """

    def __init__(self, users: str = USERS) -> None:
        self._users = users
        self._builders: dict[str, Builder] = {}

    def register(self, name: str, builder: Builder) -> None:
        if name in self._builders:
            raise ValueError(f"A part named {name!r} is registered already.")
        self._builders[name] = builder

    def is_complete(self, generation: Generation) -> bool:
        """Whether the generation has every part that is registered by now."""
        return generation.parts.keys() == self._builders.keys()

    def assemble(
        self, definitions: Mapping[str, Definition], version: int, previous: Generation
    ) -> Generation:
        """The generation for these definitions; what did not change comes from ``previous``.

        A collection for which a builder fails is quarantined, and everything
        else is built. Raises ``Unbuildable`` when no collection is at fault.
        """
        faults: dict[str, str] = {}
        while True:
            sound = {name: each for name, each in definitions.items() if name not in faults}
            try:
                schema = self._schema(sound, faults, version, previous)
                if _same(schema, previous.schema) and self.is_complete(previous):
                    return Generation(schema, previous.parts)
                return self.parts_of(schema, previous)
            except Exception as error:
                culprit = self._culprit(error, sound, version, previous)
                if culprit is None:
                    raise Unbuildable(_sentence(error)) from error
                where = "".join(format_tb(error.__traceback__)[-2:])
                _log.error("builder_failed", collection=culprit, error=repr(error), where=where)
                faults[culprit] = _sentence(error)

    def parts_of(self, schema: Schema, previous: Generation) -> Generation:
        """The generation of a schema; what did not change comes from ``previous``."""
        parts = {
            name: builder(schema, previous.parts.get(name))
            for name, builder in self._builders.items()
        }
        return Generation(schema, MappingProxyType(parts))

    def _culprit(
        self,
        error: Exception,
        definitions: Mapping[str, Definition],
        version: int,
        previous: Generation,
    ) -> str | None:
        """The definition that the builders fail on: the one they name, or found by halving."""
        named = getattr(error, "collection", None)
        if named in definitions:
            return str(named)
        suspects = self._changed(definitions, version, previous)
        innocent = {name: each for name, each in definitions.items() if name not in suspects}

        def fails(count: int) -> bool:
            tried = {name: definitions[name] for name in suspects[:count]}
            try:
                schema = self._schema({**innocent, **tried}, {}, version, previous)
                self.parts_of(schema, previous)
            except Exception:
                return True
            return False

        if fails(0):
            return None
        return suspects[bisect_left(range(len(suspects) + 1), True, key=fails) - 1]

    def _schema(
        self,
        definitions: Mapping[str, Definition],
        faults: Mapping[str, str],
        version: int,
        previous: Generation,
    ) -> Schema:
        schema = build_schema(
            definitions, version=version, previous=previous.schema, users=self._users
        )
        told = {name: (reason,) for name, reason in faults.items()}
        return replace(schema, quarantined=MappingProxyType({**schema.quarantined, **told}))

    def _changed(
        self, definitions: Mapping[str, Definition], version: int, previous: Generation
    ) -> Sequence[str]:
        """The collections that differ from the last good generation."""
        schema = self._schema(definitions, {}, version, previous)
        before = previous.schema.collections
        return [
            name
            for name in definitions
            if name in schema.collections and schema.collections[name] is not before.get(name)
        ]


def _same(new: Schema, old: Schema) -> bool:
    return (
        new.quarantined == old.quarantined
        and new.collections.keys() == old.collections.keys()
        and all(new.collections[name] is old.collections[name] for name in new.collections)
    )


def _sentence(error: Exception) -> str:
    return f"Its interfaces cannot be built: {type(error).__name__}: {str(error)[:300]}"
