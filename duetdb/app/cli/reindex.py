"""``duetdb reindex``: search words and versions for documents that were written beside the server.

Servers and other writers may go on meanwhile. Indexes, validators and counters are put in step with
the metadata as well. What was cut off goes on where it stopped when it is run again.
"""

from __future__ import annotations

import argparse
import sys

from rich.progress import MofNCompleteColumn, Progress

from duetdb.app.cli._session import Session, in_session
from duetdb.app.cli._watch import counted, terminal_bar
from duetdb.app.service.writing.reindex import Outcome, Reindex
from duetdb.app.settings import Settings
from duetdb.schema_gen.model import Collection

SUMMARY = "fill in search words and versions of documents written beside the server"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument(
        "collection", nargs="?", help="the collection; without one, all that have metadata"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Bring documents up; the status is 1 if MongoDB refused something."""
    return in_session(settings, lambda session: _reindex(session, arguments.collection))


async def _reindex(session: Session, name: str | None) -> int:
    catalog = session.catalog
    wanted = [catalog.collection(name)] if name else list(catalog.schema.collections.values())
    existing = await catalog.steward.validators.existing()
    sound = True
    for collection in sorted(wanted, key=lambda each: each.name):
        kind = existing[collection.name].kind if collection.name in existing else "collection"
        if kind != "collection":
            _say(f"{collection.name} is a {kind} in MongoDB: there is nothing to fill in.")
            continue
        with terminal_bar(MofNCompleteColumn()) as bar:
            outcome = await _one(session, collection, bar)
        problems = catalog.steward.problems.get(collection.name, ())
        sound = sound and not outcome.refused and not problems
        if name or outcome.looked_at:
            print(_summary(outcome, collection))
        for sentence in (*outcome.refusals, *problems):
            _say(f"{collection.name}: {sentence}")
    for broken, reasons in catalog.schema.quarantined.items() if name is None else ():
        sound = False
        _say(f"{broken} was left out because of its metadata: {reasons[0]}")
    return 0 if sound else 1


async def _one(session: Session, collection: Collection, bar: Progress) -> Outcome:
    await session.catalog.steward.tend([collection.name])
    reindex = Reindex(session.engine, collection)
    task = bar.add_task(collection.name, total=await reindex.total())
    return await reindex.run(lambda documents: bar.update(task, completed=documents))


def _summary(outcome: Outcome, collection: Collection) -> str:
    looked_at = counted(outcome.looked_at, "document")
    told = f"{collection.name}: {looked_at}, {outcome.changed:,} changed"
    return f"{told}, {outcome.refused:,} refused." if outcome.refused else f"{told}."


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
