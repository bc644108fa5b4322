"""The sample data of ``duetdb serve --demo``: imported as any file is, and described by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from duetdb.app.cli._session import Session, session_on
from duetdb.app.cli._watch import ConsoleWatcher
from duetdb.app.log import hushed
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Unavailable
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.metadata_store import METADATA
from duetdb.app.service.schema.once import once
from duetdb.app.settings import Settings
from duetdb.app.transfer.files import Format
from duetdb.app.transfer.load import Load
from duetdb.app.transfer.options import Options

SAMPLE: Final = Path(str(files("duetdb.sample")))
ADDITIONS: Final = "additions.json"
"""By collection, and in ``fields`` by stored path: what no inference can know of the samples."""

Definition = Mapping[str, Any]


async def load_demo(engine: Engine, settings: Settings) -> None:
    """Fills an empty database with the sample data, once, whatever process comes first.

    A start that was cut off is completed by the next one: each file is stored
    whole or not at all, so a collection that holds a document is complete.
    """
    async with once(engine, "demo", lambda: _is_empty(engine)) as ours:
        if ours:
            with hushed():
                async with session_on(engine, settings) as session:
                    await _load(session)


async def _is_empty(engine: Engine) -> bool:
    """Whether nobody has put anything into the database yet, documents or metadata."""
    for name in await engine.database.list_collection_names():
        ours = name.startswith(("_", "system.")) and name != METADATA
        if not ours and await engine.database[name].find_one({}, {"_id": 1}):
            return False
    return True


async def _load(session: Session) -> None:
    additions: Mapping[str, Definition] = json.loads((SAMPLE / ADDITIONS).read_text("utf-8"))
    with _Watcher() as watcher:
        for name in additions:
            watcher.collection = name
            if await session.engine.database[name].find_one({}, {"_id": 1}) is None:
                await _import(session, watcher, name)
    described = [
        _described(await session.admin.describe(name, FULL_ACCESS), added)
        for name, added in additions.items()
    ]
    body = {"collections": described}
    await session.settled(await session.admin.put_all(body, FULL_ACCESS))
    print(f"Loaded sample data: {', '.join(additions)}.", flush=True)


async def _import(session: Session, watcher: ConsoleWatcher, name: str) -> None:
    load = Load(session.engine, session.catalog, session.admin, session.limits, watcher)
    outcome = await load.run(name, SAMPLE / f"{name}.json", Options(form=Format.NDJSON))
    if outcome.bad:
        raise Unavailable(
            f"The sample data of {name!r} cannot be stored: {outcome.bad:,} documents are bad.",
            hint="Start without --demo.",
        )


class _Watcher(ConsoleWatcher):
    """Shows which collection is being filled; what inference was unsure of is settled by hand."""

    collection = ""

    def phase(self, name: str, size: int) -> None:
        super().phase(f"Sample data, {self.collection}", size)

    def say(self, sentence: str) -> None:
        """Says nothing."""


def _described(definition: Definition, added: Definition) -> Definition:
    fields = _with(definition["fields"], "", added["fields"])
    return {**definition, **added, "fields": fields}


def _with(fields: Iterable[Definition], prefix: str, added: Definition) -> list[dict[str, Any]]:
    """The fields, each with what is added at its path."""
    found = []
    for field in fields:
        path = prefix + field["name"]
        extended = {**field, **added.get(path, {})}
        if "fields" in field:
            extended["fields"] = _with(field["fields"], f"{path}.", added)
        found.append(extended)
    return found
