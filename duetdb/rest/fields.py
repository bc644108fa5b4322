"""The hint ``$fields``: which fields an answer shows (SPEC 6.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.filters.paths import split
from duetdb.app.service.query import Expansion, Projection
from duetdb.schema_gen.model import SYSTEM_FIELDS, Collection

_EXAMPLE = 'Such as h={"$fields":{"name":1,"email":1}}.'


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields asked for: ``paths`` alone are shown, or are left out.

    ``below`` holds what was asked for inside references, by the reference's path.
    """

    paths: tuple[str, ...] = ()
    include: bool = False
    without_id: bool = False
    below: tuple[tuple[str, str], ...] = ()

    def projection(self, base: Projection) -> Projection:
        """What to read, where ``base`` is what would be read without the hint."""
        if self.include:
            shown = self.paths if base.paths else (*self.paths, *SYSTEM_FIELDS[1:])
            return Projection(shown, include=True)
        if not self.paths:
            return base
        return Projection((*base.paths, *self.paths))

    def narrow(self, expansions: tuple[Expansion, ...]) -> tuple[Expansion, ...]:
        """The expansions that are still to be seen, each with its own part of the hint."""
        if not self.paths and not self.below:
            return expansions
        return tuple(self._inside(each) for each in expansions if self._shows(each.field.path))

    def _shows(self, path: str) -> bool:
        named = any(
            path == each or path.startswith(f"{each}.") or each.startswith(f"{path}.")
            for each in self.paths
        )
        if self.include:
            return named
        return not any(path == each or path.startswith(f"{each}.") for each in self.paths)

    def _inside(self, expansion: Expansion) -> Expansion:
        path = expansion.field.path
        inner = tuple(below for above, below in self.below if above == path)
        if not inner:
            return expansion
        hint = Fields(inner, self.include)
        query = expansion.query
        narrowed = replace(
            query, projection=hint.projection(query.projection), expand=hint.narrow(query.expand)
        )
        return replace(expansion, query=narrowed)


def parse_fields(hint: Any, collection: Collection) -> Fields:
    """Reads ``{"name": 1}`` or ``{"name": 0}``; None and ``{}`` ask for everything.

    Raises ``BadQuery`` for anything else, and when the two are mixed: ``_id``
    alone may be excluded beside included fields.
    """
    if hint is None:
        return Fields()
    if not isinstance(hint, dict):
        raise BadQuery("h.$fields must be an object.", hint=_EXAMPLE)
    wanted = {".".join(split(name)): _is_on(name, value) for name, value in hint.items()}
    if any(name.startswith("_id.") for name in wanted):
        raise BadQuery("'_id' has no fields inside of it.", hint=_EXAMPLE)
    without_id = wanted.pop("_id", True) is False
    if not wanted:
        only_id = "_id" in hint and not without_id
        return Fields(("_id",) if only_id else (), only_id, without_id)
    if len(set(wanted.values())) > 1:
        raise BadQuery(
            "h.$fields includes and excludes fields at once.", hint="Do one or the other."
        )
    include = next(iter(wanted.values()))
    paths: list[str] = []
    below: list[tuple[str, str]] = []
    for path in wanted:
        above = _reference_above(path, collection)
        if above is None:
            paths.append(path)
        elif above not in wanted:
            below.append((above, _steps_below(path, above)))
            if include:
                paths.append(above)
    return Fields(tuple(dict.fromkeys(paths)), include, without_id, tuple(below))


def _is_on(name: str, value: Any) -> bool:
    if value in (0, 1) and isinstance(value, bool | int | float):
        return bool(value)
    raise BadQuery(f"h.$fields.{name} must be 1 or 0.", hint=_EXAMPLE)


def _reference_above(path: str, collection: Collection) -> str | None:
    for field in (*collection.relations, *collection.children):
        if path.startswith(f"{field.path}."):
            return field.path
    return None


def _steps_below(path: str, above: str) -> str:
    """``company.0.name`` and ``company.name`` both mean the names inside ``company``."""
    first, _, rest = path[len(above) + 1 :].partition(".")
    return rest if first.isdigit() and rest else f"{first}.{rest}" if rest else first
