"""The generations that callers with limited rights see, each made when it is first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import replace

from duetdb.app.service.access.permissions import Permissions
from duetdb.app.service.schema.assembly import Assembler, Generation
from duetdb.schema_gen.narrowing import narrow

_MOST: int = 128
"""Kinds of callers whose generations are kept; those that were not asked for go first."""


class NarrowedGenerations:
    """Keeps what was made of the current generation, by the token of the permissions."""

    def __init__(self, assembler: Assembler) -> None:
        self._assembler = assembler
        self._kept: dict[Hashable, tuple[Generation, Generation]] = {}
        self._turn = asyncio.Lock()
        self._building: dict[tuple[int, Hashable], asyncio.Task[Generation]] = {}

    async def of(self, whole: Generation, permissions: Permissions) -> Generation:
        """What is left of the generation for callers with these permissions."""
        token = permissions.token
        kept = self._kept.get(token)
        if kept is not None and kept[0].parts is whole.parts:  # a version may change nothing
            return kept[1]
        building = self._building.get((id(whole), token))
        if building is None:
            building = asyncio.create_task(self._build(whole, permissions))
            self._building[id(whole), token] = building
        # Whoever leaves while it is made leaves the others their task.
        return await asyncio.shield(building)

    async def _build(self, whole: Generation, permissions: Permissions) -> Generation:
        _, before = self._kept.get(permissions.token, (whole, whole))
        try:
            async with self._turn:  # one thread is enough: others have work for the rest
                made = await asyncio.to_thread(self._make, whole, permissions, before)
        finally:
            del self._building[id(whole), permissions.token]
        self._kept.pop(permissions.token, None)
        self._kept[permissions.token] = whole, made
        while len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        return made

    def _make(self, whole: Generation, permissions: Permissions, before: Generation) -> Generation:
        """What did not change comes from what these callers saw ``before``, or else from all."""
        seen = before.schema if before is not whole else None
        schema = narrow(whole.schema, permissions.rights, permissions.audience, seen)
        schema = replace(schema, mail=permissions.names("POST", "/mail"))
        return self._assembler.parts_of(schema, before)
