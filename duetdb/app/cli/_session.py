"""What commands that work on documents and metadata share: engine, catalog and administration."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from duetdb.app.cli._engine import open_engine
from duetdb.app.log import configure_logging
from duetdb.app.service.audit import notes
from duetdb.app.service.audit.audit import Audit
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadMetadata, BadRequest, Conflict, ValidationFailed
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.admin import Applied, SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.schema.progress import APPLIED, BUILDING
from duetdb.app.settings import Settings
from duetdb.schema_gen.problem import Problem

T = TypeVar("T")

_POLL_SECONDS = 0.5
_QUERY_MS = 24 * 60 * 60 * 1000
"""An export may take its time; the limit for requests is for clients."""


@dataclass(frozen=True, slots=True)
class Session:
    """A connected database with its schema loaded."""

    engine: Engine
    catalog: Catalog
    admin: SchemaAdmin
    limits: Limits
    audit: Audit

    async def settled(self, applied: Applied) -> None:
        """Waits for the end of a change of metadata, however long its indexes take to build.

        Raises ``BadMetadata`` or ``Conflict`` when it came to nothing.
        """
        while applied.pending is not None:
            change = await self.admin.progress(applied.pending, FULL_ACCESS)
            if change["state"] == APPLIED:
                return
            if found := change.get("problems"):
                raise BadMetadata([Problem(each["path"], each["message"]) for each in found])
            if change["state"] != BUILDING:
                raise Conflict(change.get("message", "The change of metadata was interrupted."))
            await asyncio.sleep(_POLL_SECONDS)


def in_session(settings: Settings, work: Callable[[Session], Awaitable[T]]) -> T:
    """Runs ``work`` with a session of its own, and gives its answer.

    Of several mistakes in metadata each is printed, before an error that counts them.
    """

    async def run() -> T:
        async with open_session(settings) as session:
            return await work(session)

    try:
        return asyncio.run(run())
    except BadMetadata as error:
        told = [f"{each.path}: {each.message}".removeprefix(": ") for each in error.problems]
        if len(told) == 1:
            raise BadRequest(told[0], hint=error.hint) from None
        print("\n".join(told), file=sys.stderr)
        raise BadRequest(f"The metadata has {len(told)} mistakes.", hint=error.hint) from None
    except ValidationFailed as error:
        told = [f"{each.field}: {each.message}" for each in error.invalid]
        print("\n".join(told[:-1]), end="\n" if len(told) > 1 else "", file=sys.stderr)
        raise BadRequest(told[-1]) from None


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[Session]:
    """A session for as long as the block lasts; errors are those of ``open_engine``."""
    # What a server logs is in the way of a command's own words, which say what failed.
    configure_logging("critical")
    async with open_engine(settings) as engine, session_on(engine, settings) as session:
        yield session


@asynccontextmanager
async def session_on(engine: Engine, settings: Settings) -> AsyncIterator[Session]:
    """A session on a connection that is there already, and stays."""
    audit = Audit()
    await audit.prepare(engine)
    notes.begin(notes.Asked(audit, principal="command line"))
    catalog = Catalog(engine, settings.users_collection)
    await catalog.start()
    try:
        limits = replace(settings.limits(), query_ms=_QUERY_MS)
        yield Session(engine, catalog, SchemaAdmin(engine, catalog, limits), limits, audit)
    finally:
        await catalog.stop()
        await audit.flush()
