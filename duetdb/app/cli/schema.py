"""``duetdb schema``: show, infer, compare and apply collection metadata."""

from __future__ import annotations

import argparse
import asyncio
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
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print metadata as JSON, which apply takes back")
    show.add_argument("collection", nargs="?", help="one collection; otherwise all of the user's")
    show.add_argument("--system", action="store_true", help="built-in collections too")
    infer = actions.add_parser("infer", help="propose metadata from the stored documents")
    infer.add_argument("collection", nargs="?", help="one; otherwise all that have no metadata")
    infer.add_argument("--apply", action="store_true", help="also put the proposal into effect")
    compare = actions.add_parser("diff", help="print what applying a file would change")
    compare.add_argument("file", type=Path, help="JSON as show prints it; - is standard input")
    apply = actions.add_parser("apply", help="put a file's metadata into effect, all or nothing")
    apply.add_argument("file", type=Path, help="JSON as show prints it; - is standard input")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names."""
    match arguments.action:
        case "show":
            _print(in_session(settings, lambda session: _show(session, arguments)))
        case "infer":
            _print(in_session(settings, lambda session: _infer(session, arguments)))
        case "diff":
            wanted = _read(arguments.file)
            _list(in_session(settings, lambda session: _diff(session, wanted)))
        case _:
            wanted = _read(arguments.file)
            return in_session(settings, lambda session: _apply(session, wanted))
    return 0


async def _show(session: Session, arguments: argparse.Namespace) -> Any:
    if arguments.collection:
        return await session.admin.describe(arguments.collection, FULL_ACCESS)
    described = await session.admin.describe_all(FULL_ACCESS)
    shown = [each for each in described["collections"] if arguments.system or not _is_system(each)]
    return {**described, "collections": shown}


async def _infer(session: Session, arguments: argparse.Namespace) -> Any:
    """The proposal, without its doubts: those are printed to standard error."""
    if arguments.collection:
        found = await session.admin.infer(arguments.collection, FULL_ACCESS, apply=arguments.apply)
        return _without_doubts(found)
    found = await session.admin.infer_all(FULL_ACCESS, apply=arguments.apply)
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


async def _apply(session: Session, wanted: list[Definition]) -> int:
    steps = await _diff(session, wanted)
    applied = await session.admin.put_all({"collections": wanted}, FULL_ACCESS)
    while applied.pending:
        await asyncio.sleep(0.5)
        progress = await session.admin.progress(applied.pending, FULL_ACCESS)
        if progress["state"] == "applied":
            break
        if progress["state"] != "building":
            print(f"duetdb: {progress.get('message', 'The change failed.')}", file=sys.stderr)
            return 1
    _list(steps)
    return 0


def _read(path: Path) -> list[Definition]:
    """The definitions in a file: of many collections, or of one."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
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
