"""``duetdb secrets``: what ``POST /auth/jwt`` may sign with, by names such as partner.hmac.

    duetdb secrets list          print the names, and when each was set
    duetdb secrets set NAME      store what is read from standard input
    duetdb secrets remove NAME   forget one

A line break at the end of what is read is left out. A secret never comes out again.
"""

from __future__ import annotations

import argparse
import sys

from duetdb.app.cli._session import Session, in_session
from duetdb.app.service.identity.named_secrets import NamedSecrets
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings

SUMMARY = "list, set and remove the secrets that /auth/jwt signs with"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("action", choices=["list", "set", "remove"], help="see above")
    parser.add_argument("name", nargs="?", metavar="NAME", help="see above")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names."""
    name = arguments.name
    if arguments.action != "list" and not name:
        raise SettingsError("This needs a name, such as partner.hmac.")
    value = sys.stdin.read().removesuffix("\n") if arguments.action == "set" else ""

    async def work(session: Session) -> str:
        stored = NamedSecrets(session.engine, settings.identity())
        match arguments.action:
            case "list":
                found = await stored.names()
                return "\n".join(f"{each['changed']:%Y-%m-%d}  {each['name']}" for each in found)
            case "set":
                await stored.store(name, value)
                return f"Stored {name}."
            case _:
                await stored.remove(name)
                return f"Removed {name}."

    said = in_session(settings, work)
    if said:
        print(said)
    return 0
