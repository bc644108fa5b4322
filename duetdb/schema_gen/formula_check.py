"""Mistakes in the formulas of one collection: unreadable, unknown names, cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from duetdb.schema_gen.formula import Formula, parse_formula
from duetdb.schema_gen.problem import Problem
from duetdb.schema_gen.suggest import did_you_mean

_LISTS = ("image", "file")
_STRUCTURES = ("JSON", "object", "geo")
_SYSTEM = ("_created", "_changed", "_createdby", "_changedby", "_version")

Bodies: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]
"""Path and body of each field of a level."""


def formula_mistakes(fields: Bodies) -> list[Problem]:
    """Every mistake in the formulas among the top-level fields of a metadata body."""
    problems: list[Problem] = []
    readable = _readable([body for _, body in fields], "")
    formulas: dict[str, tuple[str, Formula]] = {}
    for at, body in fields:
        text = body.get("formula")
        if not isinstance(text, str):
            continue
        path = f"{at}.formula"
        try:
            formula = parse_formula(text)
        except ValueError as error:
            problems.append(Problem(path, str(error)))
            continue
        formulas[str(body.get("name"))] = (path, formula)
        problems.extend(
            Problem(path, _unreadable(name, readable))
            for name in formula.names
            if not readable.get(name, name in _SYSTEM)
        )
    problems.extend(_cycles(formulas))
    return problems


def _readable(bodies: Sequence[Any], prefix: str) -> dict[str, bool]:
    """Whether each field holds one plain value, by path; fields inside lists are not there."""
    found: dict[str, bool] = {}
    for body in bodies:
        if not isinstance(body, Mapping) or not isinstance(body.get("name"), str):
            continue
        path = prefix + body["name"]
        kind = body.get("type")
        single = body.get("multiple") is not True and "relation" not in body
        found[path] = single and kind not in _LISTS and kind not in _STRUCTURES
        nested = body.get("fields")
        if single and kind == "object" and isinstance(nested, list):
            found.update(_readable(nested, f"{path}."))
    return found


def _unreadable(name: str, readable: Mapping[str, bool]) -> str:
    shown = ascii(name)[:120]
    if name in readable:
        return f"The formula cannot use {shown}: it is not a single plain value."
    allowed = [path for path, plain in readable.items() if plain]
    return f"The formula uses {shown}, which is not a field.{did_you_mean(name, allowed)}"


def _cycles(formulas: Mapping[str, tuple[str, Formula]]) -> list[Problem]:
    """A problem for each formula that is left when those that can be computed are taken away."""
    left = dict(formulas)
    while True:
        ready = [name for name, (_, each) in left.items() if left.keys().isdisjoint(each.names)]
        if not ready:
            break
        for name in ready:
            del left[name]
    others = ", ".join(left)
    return [
        Problem(path, f"The formula needs itself, directly or through others ({others}).")
        for path, _ in left.values()
    ]
