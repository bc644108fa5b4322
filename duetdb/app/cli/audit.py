"""``duetdb audit``: who was refused what, and who administered what."""

from __future__ import annotations

import argparse

from duetdb.app.cli._session import Session, in_session
from duetdb.app.service.encoding import dumps
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.settings import Settings

SUMMARY = "show who was refused what, and who administered what"

_MOST = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max", type=_number, default=100, help="entries at most (100)")
    parser.add_argument("--skip", type=_number, default=0, help="entries to leave out before")
    parser.add_argument("--oldest", action="store_true", help="the oldest first, not the newest")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print entries, one JSON object a line."""

    async def work(session: Session) -> list[str]:
        found = await session.audit.page(
            FULL_ACCESS, arguments.skip, arguments.max, oldest_first=arguments.oldest
        )
        return [dumps(each).decode() for each in found]

    lines = in_session(settings, work)
    print("\n".join(lines) or "Nothing was administered or refused yet.")
    return 0


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_MOST}")
    return number
