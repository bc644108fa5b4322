"""``duetdb schema``: show, infer, compare and apply collection metadata.

    duetdb schema show [COLLECTION]    print metadata as JSON, which apply takes back
    duetdb schema infer [COLLECTION]   propose metadata from the stored documents; without a
                                       collection, for all that have none
    duetdb schema diff FILE            print what applying a file would change
    duetdb schema apply FILE           put a file's metadata into effect, all or nothing

FILE is JSON as show prints it, of one collection or many; - is standard input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from duetdb.app.cli._session import Session, in_session
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from duetdb.schema_gen.diff import Step, diff_all

SUMMARY = "show, infer, compare and apply collection metadata"

Definition = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("action", choices=["show", "infer", "diff", "apply"], help="see above")
    parser.add_argument("subject", nargs="?", metavar="COLLECTION | FILE", help="see above")
    parser.add_argument("--system", action="store_true", help="show: built-in collections too")
    parser.add_argument("--apply", action="store_true", help="infer: put the proposal into effect")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names."""
    subject = arguments.subject
    match arguments.action:
        case "show":
            system = arguments.system
            _print(in_session(settings, lambda session: _show(session, subject, system)))
        case "infer":
            apply = arguments.apply
            _print(in_session(settings, lambda session: _infer(session, subject, apply)))
        case "diff":
            wanted = _read(subject)
            _list(in_session(settings, lambda session: _diff(session, wanted)))
        case _:
            wanted = _read(subject)
            _list(in_session(settings, lambda session: _apply(session, wanted)))
    return 0


async def _show(session: Session, name: str | None, system: bool) -> Any:
    if name:
        return await session.admin.describe(name, FULL_ACCESS)
    described = await session.admin.describe_all(FULL_ACCESS)
    shown = [each for each in described["collections"] if system or not _is_system(each)]
    return {**described, "collections": shown}


async def _infer(session: Session, name: str | None, apply: bool) -> Any:
    """The proposal, without its doubts: those are printed to standard error."""
    if name:
        found = await session.admin.infer(name, FULL_ACCESS, apply=apply)
        return _without_doubts(found)
    found = await session.admin.infer_all(FULL_ACCESS, apply=apply)
    return {**found, "collections": [_without_doubts(each) for each in found["collections"]]}


def _without_doubts(definition: Definition) -> Definition:
    for sentence in definition.get("unsure", ()):
        print(f"{definition['name']}: {sentence}", file=sys.stderr)
    return {key: value for key, value in definition.items() if key != "unsure"}


async def _diff(session: Session, wanted: list[Definition]) -> tuple[Step, ...]:
    described = await session.admin.describe_all(FULL_ACCESS)
    stored = {each["name"]: each for each in described["collections"]}
    named = {str(each.get("name")): each for each in wanted}
    # Applying leaves alone what the file does not mention.
    return diff_all({name: stored[name] for name in named if name in stored}, named)


async def _apply(session: Session, wanted: list[Definition]) -> tuple[Step, ...]:
    steps = await _diff(session, wanted)
    await session.settled(await session.admin.put_all({"collections": wanted}, FULL_ACCESS))
    return steps


def _read(path: str | None) -> list[Definition]:
    """The definitions in a file: of many collections, or of one."""
    if path is None:
        raise SettingsError("This needs a file, or - for standard input.")
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        body = json.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not JSON: {error}.") from None
    if isinstance(body, dict) and isinstance(body.get("collections"), list):
        body = body["collections"]
    listed = body if isinstance(body, list) else [body]
    if not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in listed):
        raise SettingsError(
            f'{path} must hold {{"collections": [...]}}, objects with a name, or one such object.'
        )
    return listed


def _is_system(definition: Definition) -> bool:
    return bool(definition.get("system"))


def _list(steps: Iterable[Step]) -> None:
    lines = [step.sentence for step in steps]
    print("\n".join(lines) if lines else "No differences.")


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
