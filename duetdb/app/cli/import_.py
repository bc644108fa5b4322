"""``duetdb import``: documents from a file into a collection."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from duetdb.app.cli._session import Session, in_session
from duetdb.app.cli._watch import ConsoleWatcher, counted
from duetdb.app.service.audit import notes
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from duetdb.app.transfer.files import Format
from duetdb.app.transfer.load import Load
from duetdb.app.transfer.options import Options, Outcome
from duetdb.app.transfer.rows import TransferError

SUMMARY = "store the documents of a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", help="the collection to store into; made if there is none")
    parser.add_argument("file", nargs="?", type=Path, help="NDJSON, JSON, Extended JSON or CSV")
    parser.add_argument(
        "--format",
        choices=[each.value for each in Format],
        help="the file's format, where its name and beginning do not tell",
    )
    parser.add_argument(
        "--mapping",
        action="append",
        default=[],
        metavar="HEADER=FIELD",
        help="the field of a CSV column; an empty FIELD leaves the column out; may be repeated",
    )
    parser.add_argument(
        "--partial", action="store_true", help="store the good rows when there are bad ones"
    )
    parser.add_argument(
        "--no-validate",
        dest="validate",
        action="store_false",
        help="also store values that do not fit their fields; unique values stay unique",
    )
    parser.add_argument(
        "--infer",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="give a new collection the fields that the file shows (the default)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="append every bad row to FILE, as NDJSON"
    )
    parser.add_argument(
        "--undo", action="store_true", help="take back an import that was cut off, and stop"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Import, or undo; the status is 1 if a row was bad or the file cannot be read."""
    if arguments.undo != (arguments.file is None):
        raise SettingsError(
            "import needs a collection and a file; only --undo goes without a file."
        )
    options = Options(
        form=Format(arguments.format) if arguments.format else None,
        mapping=_mapping(arguments.mapping),
        partial=arguments.partial,
        validate=arguments.validate,
        infer=arguments.infer,
    )
    try:
        with ConsoleWatcher(arguments.report) as watcher:
            if arguments.undo:
                return in_session(settings, lambda session: _undo(session, watcher, arguments))
            outcome = in_session(
                settings, lambda session: _import(session, watcher, arguments, options)
            )
    except (TransferError, OSError) as error:
        print(f"duetdb: {error}", file=sys.stderr)
        return 1
    print(_summary(outcome, arguments.collection, options))
    return 1 if outcome.bad else 0


async def _import(
    session: Session, watcher: ConsoleWatcher, arguments: argparse.Namespace, options: Options
) -> Outcome:
    notes.acted("import", arguments.collection)
    return await _load(session, watcher).run(arguments.collection, arguments.file, options)


async def _undo(session: Session, watcher: ConsoleWatcher, arguments: argparse.Namespace) -> int:
    name = arguments.collection
    notes.acted("import.undo", name)
    undone = await _load(session, watcher).undo(name)
    if undone is None:
        print(f"No import into {name} was cut off.")
    elif undone.partial:
        print(f"Ended the partial import of {undone.source} into {name}; what it stored stays.")
    else:
        print(f"Took back {counted(undone.stored, 'document')} of {name}.")
    return 0


def _load(session: Session, watcher: ConsoleWatcher) -> Load:
    return Load(session.engine, session.catalog, session.admin, session.limits, watcher)


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        header, sign, field = pair.rpartition("=")
        if not sign:
            raise SettingsError(f"--mapping {pair!r} must be HEADER=FIELD.")
        mapping[header] = field
    return mapping


def _summary(outcome: Outcome, collection: str, options: Options) -> str:
    stored = f"Stored {counted(outcome.stored, 'document')} in {collection}"
    if outcome.skipped:
        stored += f", after {counted(outcome.skipped, 'row')} that an earlier run dealt with"
    if not outcome.bad:
        return f"{stored}."
    bad = f"{counted(outcome.bad, 'row')} {'is' if outcome.bad == 1 else 'are'} bad"
    if options.partial:
        return f"{stored}; {bad}."
    return (
        f"Nothing was stored in {collection}: {bad}. "
        "Correct the file, or store the good rows with --partial."
    )
