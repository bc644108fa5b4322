"""``duetdb keys``: show and reset the full-access key.

    duetdb keys show     what is known of the key; the key itself is stored nowhere
    duetdb keys reset    make a new key and print it, this once

Running servers refuse the old key and accept the new one within 2 seconds.
"""

from __future__ import annotations

import argparse

from duetdb.app.cli._session import Session, in_session
from duetdb.app.service.keys.keys import Keys
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings

SUMMARY = "show and reset the full-access key"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("action", choices=["show", "reset"], help="see above")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names."""
    resets = arguments.action == "reset"
    if settings.api_key is not None:
        sentence = f"{settings.origin_of('api_key')} sets the full-access key"
        if resets:
            raise SettingsError(f"{sentence}: change it there, and start the server again.")
        print(f"{sentence}: no other one counts.")
    else:
        print(in_session(settings, _reset if resets else _show))
    return 0


async def _show(session: Session) -> str:
    stored = await Keys(session.engine).describe()
    if stored is None:
        return "There is no key yet: the first `duetdb serve` makes one and prints it."
    return (
        f"The full-access key begins with {stored.prefix} and was made on "
        f"{stored.created:%Y-%m-%d} at {stored.created:%H:%M} UTC. "
        "If it is lost, `duetdb keys reset` makes another."
    )


async def _reset(session: Session) -> str:
    return f"Full-access key, shown this once: {await Keys(session.engine).reset()}"
