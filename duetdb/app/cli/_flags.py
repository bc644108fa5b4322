"""Every setting as a command line flag, with the text below its field as help."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import textwrap
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.limits import Limits
from duetdb.app.service.mail.options import MailOptions
from duetdb.app.service.media.options import MediaOptions
from duetdb.app.setting_values import without_none
from duetdb.app.settings import SETTINGS, TYPES, Settings

ALL = tuple(SETTINGS)
DATABASE = ("data", "mongod", "mongodb_uri", "database", "log_level")
"""The settings that every command that works on the database takes as flags."""


def add_setting_flags(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Give ``parser`` a flag for each of the named settings; values stay text, to be checked."""
    group = parser.add_argument_group("settings", "Each is also the variable DUETDB_<NAME>.")
    for name in names:
        hint = without_none(TYPES[name])
        options: dict[str, Any] = {"metavar": _metavar(hint)}
        if hint is bool:
            options = {"action": argparse.BooleanOptionalAction}
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            default=None,
            help=_help(name).replace("%", "%%"),
            **options,
        )


def setting_flags(arguments: argparse.Namespace, names: Collection[str]) -> dict[str, object]:
    """The named settings among the parsed arguments, as ``Settings.load`` takes them."""
    return {name: getattr(arguments, name) for name in names}


def _metavar(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "|".join(get_args(hint))
    return {int: "NUMBER", str: "TEXT"}.get(hint, "PATH")


def _help(name: str) -> str:
    default = SETTINGS[name].default
    text = _texts()[name]
    if default is None or isinstance(default, bool):
        return text
    return f"{text} Default: {default}."


@cache
def _texts() -> Mapping[str, str]:
    return {
        name: text
        for each in (Limits, IdentityOptions, MailOptions, MediaOptions, Settings)
        for name, text in _field_texts(each).items()
    }


_SOURCES = re.compile(r" \(SPEC [0-9.]+\)")


def _field_texts(cls: type) -> dict[str, str]:
    """The string below each annotated field in the source of ``cls``."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str() as text)):
                texts[name] = _SOURCES.sub("", " ".join(text.split())).replace("``", "")
    return texts
