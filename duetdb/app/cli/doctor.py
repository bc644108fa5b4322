"""``duetdb doctor``: who reaches what, and what deserves a second look.

    duetdb doctor           for an anonymous caller, each key and each role: what it may read and
                            write, and whether it may ask for the GraphQL schema
    duetdb doctor --json    the same as JSON
    duetdb doctor --strict  fails also for what is no more than a note

The exit status is 1 if something is a risk, for use in CI.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from duetdb.app.cli._risks import Risk, risks_of
from duetdb.app.cli._session import Session, in_session
from duetdb.app.service.access.reach import Reach, Reached, reaches
from duetdb.app.service.keys.listing import web_keys
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.settings import Settings
from duetdb.schema_gen.model import Audience, Schema

SUMMARY = "show who reaches what, and what deserves a second look"
_TOLD = {"all": tuple(Audience), "keys": (Audience.FULL, Audience.KEY), "off": ()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="fail for notes as well")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the report; 1 if there is a risk."""

    async def look(session: Session) -> tuple[Schema, list[WebKey]]:
        return session.catalog.schema, await web_keys(session.engine)

    schema, keys = in_session(settings, look)
    found = list(reaches(schema, keys, _TOLD[settings.introspection]))
    risks = list(risks_of(settings, schema, keys, found))
    if arguments.json:
        print(json.dumps(_report(found, risks), indent=2))
    else:
        print("\n".join(_lines(found, schema, risks)))
    failing = [each for each in risks if each.serious or arguments.strict]
    return 1 if failing else 0


def _report(found: list[Reach], risks: list[Risk]) -> dict[str, Any]:
    return {
        "callers": [
            {
                "caller": each.caller,
                "introspection": each.introspection,
                "collections": [asdict(reached) for reached in each.collections],
            }
            for each in found
        ],
        "risks": [asdict(each) for each in risks],
    }


def _lines(found: list[Reach], schema: Schema, risks: list[Risk]) -> Iterator[str]:
    for each in found:
        told = "may" if each.introspection else "may not"
        yield f"{each.caller}: {told} ask for the GraphQL schema"
        if not each.collections:
            yield "  reaches nothing"
        for reached in each.collections:
            yield f"  {_line(reached, schema)}"
        yield ""
    if not risks:
        yield "No risks were found."
    for risk in risks:
        yield f"{'RISK' if risk.serious else 'note'}  {risk.where}: {risk.sentence}"


def _line(reached: Reached, schema: Schema) -> str:
    whole = list(schema.collections[reached.collection].by_path)
    which = "all documents" if reached.documents else "documents of a filter"
    parts = [f"{reached.collection}  {' '.join(reached.methods)}", which]
    if "GET" in reached.methods:
        parts.append(f"reads {_fields(reached.readable, whole, reached.shows_undeclared)}")
    if set(reached.methods) - {"GET", "DELETE"}:
        parts.append(f"writes {_fields(reached.writable, whole, reached.takes_undeclared)}")
    return ", ".join(parts)


def _fields(paths: tuple[str, ...], whole: list[str], undeclared: bool) -> str:
    missing = [each for each in whole if each not in paths]
    if not missing and undeclared:
        return "all fields"
    if undeclared:
        return f"all fields but {', '.join(missing)}"
    return f"only {', '.join(paths)}" if paths else "no fields"
