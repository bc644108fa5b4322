"""``fetchmediadata``: the metadata of files in place of their ids (SPEC 9.1, 11.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from duetdb.app.service.query import Described, Expansion
from duetdb.rest.params import Params
from duetdb.schema_gen.model import Collection


def wants_media(params: Params) -> bool:
    """Whether files are described; with ``idtolink`` addresses stand in their place."""
    return params.flag("fetchmediadata") and not params.flag("idtolink")


def described(params: Params, collection: Collection) -> tuple[Described, ...]:
    """The fields of the documents themselves whose files are to be described."""
    return _media(collection) if wants_media(params) else ()


def describing(params: Params, expansions: Iterable[Expansion]) -> tuple[Expansion, ...]:
    """The expansions, with the files of related documents described on every level."""
    found = tuple(expansions)
    return _with_media(found) if wants_media(params) else found


def _with_media(expansions: tuple[Expansion, ...]) -> tuple[Expansion, ...]:
    return tuple(
        replace(
            each,
            query=replace(
                each.query,
                described=_media(each.query.collection),
                expand=_with_media(each.query.expand),
            ),
        )
        for each in expansions
    )


def _media(collection: Collection) -> tuple[Described, ...]:
    return tuple(Described(each.path, each.name) for each in collection.media)
