"""The command line: finds the command, reads the settings, turns errors into one sentence.

A command is a module of this package, named like the command (``import_`` is ``import``), with

    SUMMARY: str                                       one line for the list of commands
    def add_arguments(parser) -> None                  its own arguments
    def run(arguments, settings) -> int                its work and its exit status
    FLAGS: Collection[str]                             optional: the settings it takes as flags

Only the module of the command that was asked for is imported. Names that begin with an underscore
are not commands.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Collection, Sequence
from types import ModuleType
from typing import Any, NoReturn

from duetdb import __version__
from duetdb.app import cli
from duetdb.app.cli._flags import DATABASE, add_setting_flags, setting_flags
from duetdb.app.service.errors import DuetError
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from duetdb.schema_gen.suggest import did_you_mean


class UsageError(Exception):
    """A command line that cannot be understood; its text is one sentence for people."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises ``UsageError`` where the standard one prints and exits."""

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:]
        end = "" if sentence.endswith("?") else "."
        raise UsageError(f"{sentence}{end} `{self.prog} --help` shows what it takes.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """The standard check, with the nearest choice for a value that is none."""
        if action.choices is not None and value not in action.choices:
            allowed = ", ".join(map(str, action.choices))
            hint = did_you_mean(str(value), map(str, action.choices))
            sentence = f"{str(value)[:100]!r} is not one of {allowed}"
            raise argparse.ArgumentError(action, f"{sentence}.{hint}" if hint else sentence)


def run(argv: Sequence[str]) -> int:
    """Execute one command line; the answer is the exit status.

    0 is success, 1 a failure with its reason on standard error, 2 a usage or settings mistake.
    """
    try:
        return _run(argv)
    except (UsageError, SettingsError) as error:
        return _complain(str(error), 2)
    except DuetError as error:
        return _complain(" ".join(filter(None, (error.message, error.hint))), 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, a pager) has seen enough. Python would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(argv: Sequence[str]) -> int:
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if argv else 2
    if argv[0] in {"-V", "--version"}:
        print(f"DuetDB {__version__}")
        return 0
    command = _command(argv[0])
    parser = Parser(prog=f"duetdb {argv[0]}", description=command.SUMMARY, allow_abbrev=False)
    command.add_arguments(parser)
    flags: Collection[str] = getattr(command, "FLAGS", DATABASE)
    add_setting_flags(parser, flags)
    arguments, unknown = parser.parse_known_intermixed_args(argv[1:])
    if unknown:
        _refuse_unknown(parser, unknown[0])
    settings = Settings.load(setting_flags(arguments, flags), os.environ)
    status: int = command.run(arguments, settings)
    return status


def _command(name: str) -> ModuleType:
    modules = _modules()
    if name not in modules:
        raise UsageError(
            f"There is no command {name!r}.{did_you_mean(name, modules)}"
            " `duetdb --help` lists the commands."
        )
    return importlib.import_module(modules[name])


def _modules() -> dict[str, str]:
    """The commands and their modules, without importing any."""
    return {
        found.name.rstrip("_"): f"{cli.__name__}.{found.name}"
        for found in pkgutil.iter_modules(cli.__path__)
        if not found.name.startswith("_") and found.name != "dispatch"
    }


def _overview() -> str:
    lines = ["usage: duetdb COMMAND [--help] ...", "", "commands:"]
    for name in sorted(_modules()):
        lines.append(f"  {name:<12}{_command(name).SUMMARY}")
    return "\n".join([*lines, "", "`duetdb COMMAND --help` shows what a command takes."])


def _refuse_unknown(parser: argparse.ArgumentParser, argument: str) -> NoReturn:
    flag = argument.partition("=")[0]
    known = [option for action in parser._actions for option in action.option_strings]
    what = "flag" if flag.startswith("-") else "argument"
    hint = did_you_mean(flag, known) if what == "flag" else ""
    raise UsageError(
        f"`{parser.prog}` has no {what} {flag!r}.{hint} `{parser.prog} --help` shows what it takes."
    )


def _complain(sentence: str, status: int) -> int:
    print(f"duetdb: {sentence}", file=sys.stderr)
    return status
