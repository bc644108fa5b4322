"""``duetdb operations``: the GraphQL operations that are registered.

    duetdb operations list           print hash and name of each
    duetdb operations add FILE       register one text, or those of a manifest, all or none
    duetdb operations remove HASH    forget one

FILE is one text, registered exactly as it is, or a manifest in JSON: an object of texts by their
SHA-256, or {"operations": [{"id", "body", "name"}]}; - is standard input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from duetdb.app.cli._session import Session, in_session
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.registered import RegisteredOperation, RegisteredOperations
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings

SUMMARY = "list, register and remove GraphQL operations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("action", choices=["list", "add", "remove"], help="see above")
    parser.add_argument("subject", nargs="?", metavar="FILE | HASH", help="see above")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names."""
    subject = arguments.subject
    match arguments.action:
        case "list":
            _print(in_session(settings, lambda session: _registry(session).all(FULL_ACCESS)))
        case "add":
            _print(in_session(settings, lambda session: _add(session, _read(subject))))
        case _:
            if not subject:
                raise SettingsError("This needs a hash; `duetdb operations list` shows them.")
            in_session(settings, lambda session: _registry(session).remove(subject, FULL_ACCESS))
            print(f"Removed {subject}.")
    return 0


async def _add(session: Session, raw: str) -> Iterable[RegisteredOperation]:
    from duetdb.graphql.manifest import operations_in  # takes a third of a second to import

    operations = operations_in(raw, session.limits)
    await _registry(session).add(operations, FULL_ACCESS)
    return operations


def _registry(session: Session) -> RegisteredOperations:
    return RegisteredOperations(session.engine, session.limits)


def _read(path: str | None) -> str:
    if path is None:
        raise SettingsError("This needs a file, or - for standard input.")
    try:
        if path == "-":
            return sys.stdin.buffer.read().decode()
        return Path(path).read_bytes().decode()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text.") from None


def _print(operations: Iterable[RegisteredOperation]) -> None:
    for each in operations:
        print(f"{each.hash}  {each.name}".rstrip())
