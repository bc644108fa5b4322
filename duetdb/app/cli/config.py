"""``duetdb config show``: every setting, its value and where that comes from."""

from __future__ import annotations

import argparse

from duetdb.app.cli._flags import ALL
from duetdb.app.settings import SETTINGS, Settings

SUMMARY = "show the settings and where each comes from"
FLAGS = ALL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["show"], help="print every setting, secrets masked")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print one line for each setting: name, value, origin."""
    rows = [(name, settings.shown(name) or "-", settings.origin_of(name)) for name in SETTINGS]
    name_width = max(len(name) for name, _, _ in rows)
    value_width = max(len(value) for _, value, _ in rows)
    for name, value, origin in rows:
        print(f"{name:<{name_width}}  {value:<{value_width}}  {origin}")
    return 0
