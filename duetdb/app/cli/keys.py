"""``duetdb keys``: the full-access key and the web keys.

    duetdb keys show            what is known of the full-access key; itself it is stored nowhere
    duetdb keys list            the web keys
    duetdb keys create RIGHTS   make a web key and print it, this once
    duetdb keys update ID RIGHTS
    duetdb keys revoke ID
    duetdb keys reset [ID]      a new key in place of a web key, or of the full-access key

RIGHTS are the options below; those of lists may be given several times. Running servers follow
within a second.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any, Final

from duetdb.app.cli._session import Session, in_session
from duetdb.app.http.bodies import parse_json
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import BadRequest
from duetdb.app.service.identity.revocation import Revocations
from duetdb.app.service.identity.sessions import Sessions
from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.app.service.keys.keys import Keys
from duetdb.app.service.keys.records import FULL
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings

SUMMARY = "show and reset the full-access key; make, change and revoke web keys"

_LISTS: Final = {
    "origins": ("origin", "a site whose pages may use the key, or loopback, or * for anywhere"),
    "methods": ("method", "what it may do: GET, POST, PUT, PATCH or DELETE; otherwise all of it"),
    "paths": ("path", "what it may reach below /rest: /posts, /posts/*, /posts/**"),
    "realtime": ("realtime", "an event that it may hear of: POST:posts"),
    "readable": ("readable", "a field that it may read; otherwise all that are not hidden"),
    "writable": ("writable", "a field that it may write; otherwise all that it may read"),
}
"""Properties of a body, each with its option, which takes one entry, and the option's help."""
_TEXTS: Final = {
    "description": "what the key is for",
    "expires": "until when it counts, such as 2030-12-31; an empty text: for ever",
}
_JSON: Final = {
    "filter": "a q object that every document must match, as JSON",
    "rate": "requests a second; null: what the server allows",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("action", choices=list(_ACTIONS), help="see above")
    parser.add_argument("id", nargs="?", help="the _id of a web key, as list shows it")
    for name, (option, told) in _LISTS.items():
        parser.add_argument(f"--{option}", dest=name, action="append", help=told)
    for name, told in {**_TEXTS, **_JSON}.items():
        parser.add_argument(f"--{name}", help=told)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names."""
    full = arguments.action == "show" or (arguments.action == "reset" and _is_full(arguments.id))
    if full and settings.api_key is not None:
        sentence = f"{settings.origin_of('api_key')} sets the full-access key"
        if arguments.action == "reset":
            raise SettingsError(f"{sentence}: change it there, and start the server again.")
        print(f"{sentence}: no other one counts.")
        return 0

    async def work(session: Session) -> str:
        keys = Keys(session.engine, pepper=settings.key_pepper)
        await keys.hashes.prepare()
        sessions = Sessions(session.engine, Revocations(session.engine), settings.refresh_days)
        admin = KeyAdmin(session.engine, keys, sessions, session.limits)
        return await _ACTIONS[arguments.action](keys, admin, arguments)

    print(in_session(settings, work))
    return 0


async def _show(keys: Keys, _admin: KeyAdmin, _arguments: argparse.Namespace) -> str:
    stored = await keys.describe()
    if stored is None:
        return "There is no key yet: the first `duetdb serve` makes one and prints it."
    return (
        f"The full-access key begins with {stored.prefix} and was made on "
        f"{stored.created:%Y-%m-%d} at {stored.created:%H:%M} UTC. "
        "If it is lost, `duetdb keys reset` makes another."
    )


async def _list(_keys: Keys, admin: KeyAdmin, _arguments: argparse.Namespace) -> str:
    found = await admin.page(FULL_ACCESS)
    return "\n".join(dumps(each).decode() for each in found) or "There are no web keys."


async def _create(_keys: Keys, admin: KeyAdmin, arguments: argparse.Namespace) -> str:
    return _told(await admin.create(_rights(arguments), FULL_ACCESS))


async def _update(_keys: Keys, admin: KeyAdmin, arguments: argparse.Namespace) -> str:
    changed = await admin.update(_id(arguments), _rights(arguments), FULL_ACCESS)
    return dumps(changed).decode()


async def _revoke(_keys: Keys, admin: KeyAdmin, arguments: argparse.Namespace) -> str:
    await admin.revoke(_id(arguments), FULL_ACCESS)
    return f"The web key {arguments.id} is revoked."


async def _reset(_keys: Keys, admin: KeyAdmin, arguments: argparse.Namespace) -> str:
    if _is_full(arguments.id):
        made = await admin.reset(FULL, FULL_ACCESS)
        return f"Full-access key, shown this once: {made['key']}"
    return _told(await admin.reset(arguments.id, FULL_ACCESS))


_ACTIONS: Final[dict[str, Callable[[Keys, KeyAdmin, argparse.Namespace], Awaitable[str]]]] = {
    "show": _show,
    "list": _list,
    "create": _create,
    "update": _update,
    "revoke": _revoke,
    "reset": _reset,
}


def _told(made: dict[str, Any]) -> str:
    key = made.pop("key")
    return f"Web key, shown this once: {key}\n{dumps(made).decode()}"


def _rights(arguments: argparse.Namespace) -> dict[str, Any]:
    """The body that the options stand for."""
    given = {name: getattr(arguments, name) for name in (*_LISTS, *_TEXTS, *_JSON)}
    rights = {name: value for name, value in given.items() if value is not None}
    for name in _JSON:
        if name in rights:
            rights[name] = parse_json(rights[name])
    if rights.get("expires") == "":
        rights["expires"] = None
    return rights


def _id(arguments: argparse.Namespace) -> str:
    if arguments.id is None:
        raise BadRequest("Which key is meant?", hint="Give its _id; `duetdb keys list` shows it.")
    return str(arguments.id)


def _is_full(id_: str | None) -> bool:
    return id_ is None or id_ == FULL
