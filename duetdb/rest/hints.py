"""The hints in ``h`` (SPEC 6.2): which there are, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.filters.operators import boolean
from duetdb.rest.params import Params
from duetdb.schema_gen.suggest import did_you_mean

Hints: TypeAlias = Mapping[str, Any]

_NAMES: Final = (
    "$fields",
    "$orderby",
    "$max",
    "$skip",
    "$metafields",
    "$groupby",
    "$aggregate",
    "$aggregate-grand-total",
)


def hints_of(params: Params) -> Hints:
    """The object in ``h``; ``{}``, ``[]`` and nothing are no hints.

    Raises ``BadQuery`` for anything else, and for an unknown name that begins
    with ``$``: to ignore it would be to answer another question.
    """
    hints = params.json("h")
    if not hints:
        return {}
    if not isinstance(hints, dict):
        raise BadQuery("h must be a JSON object.", hint='For example h={"$max":10}.')
    for name in hints:
        if name.startswith("$") and name not in _NAMES:
            raise BadQuery(
                f"Unknown hint '{name[:50]}'.{did_you_mean(name, _NAMES)}",
                hint=f"Hints are {', '.join(_NAMES)}; conditions belong into q.",
            )
    return hints


def wants_meta(params: Params, hints: Hints) -> bool:
    """Whether system fields are shown; the hint goes before the parameter."""
    hinted = hints.get("$metafields", hints.get("metafields"))
    return params.flag("metafields") if hinted is None else boolean("$metafields", hinted)


def wants_grand_total(hints: Hints) -> bool:
    """Whether all levels of groups have figures."""
    name = "$aggregate-grand-total"
    hinted = hints.get(name)
    return hinted is not None and boolean(name, hinted)


def order_of(hints: Hints) -> tuple[list[str], list[str]] | None:
    """The fields of ``$orderby`` and their directions, as ``sort`` and ``dir`` give them."""
    hinted = hints.get("$orderby")
    if hinted is None:
        return None
    if not isinstance(hinted, dict):
        raise BadQuery("h.$orderby must be an object.", hint='Such as {"name":1,"age":-1}.')
    return list(hinted), [_direction(name, way) for name, way in hinted.items()]


def _direction(name: str, way: Any) -> str:
    if isinstance(way, str | int | float) and not isinstance(way, bool):
        if way in (1, "1"):
            return "1"
        if way in (-1, "-1"):
            return "-1"
    raise BadQuery(
        f"h.$orderby.{name[:50]} must be 1 or -1.", hint="1 is ascending, -1 is descending."
    )
