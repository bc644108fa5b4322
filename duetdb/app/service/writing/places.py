"""Places inside of documents, named by dotted paths: what belongs there, and changing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from duetdb.schema_gen.field import MISSING, Field, Mismatch
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.well_formed import check_key

Path = tuple[str, ...]


class Place(NamedTuple):
    """A place that a body may write to.

    ``field`` is what is declared there, None where anything may be. With
    ``listed`` the place holds the whole list of the field, without it one value:
    of a field without a list, or one element. ``positions`` are the parts of the
    path, by their number, that are positions in declared lists.
    """

    path: Path
    field: Field | None
    listed: bool
    positions: tuple[int, ...]

    @property
    def free(self) -> bool:
        """Whether any JSON value may be there."""
        return self.field is None or (self.field.type.name == "JSON" and not self.listed)

    @property
    def positioned(self) -> bool:
        """Whether a part of the path may be a position in a list."""
        return any(map(is_position, self.path[1:]))


def is_position(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def place_of(key: str, collection: Collection, depth: int) -> Place | None:
    """The place that a dotted name means, None for one whose value is the server's.

    Those are system fields, computed fields and child lists. Raises ``Mismatch``
    when nothing can be there, or, in a strict collection, nothing is declared.
    """
    if key[:1] == "_":
        return None
    path = tuple(key.split("."))
    if len(path) > depth:
        raise Mismatch("The name leads too deep.")
    for name in path:
        check_key(name)
    found = _declared(path, collection)
    field = found.field
    if field is None:
        return Place(path, None, False, found.positions)
    if not _is_given(field):
        return None
    if not found.rest:
        listed = field.is_list and not found.at_element
        return Place(path, field, listed, found.positions)
    if field.type.name == "JSON":
        return Place(path, None, False, found.positions)
    raise Mismatch(f"Inside of {field.path!r} nothing can be addressed: it is {field.type.name}.")


class _Declared(NamedTuple):
    """The declared field that a path ends at or passes last, and the names after it.

    With ``at_element`` the path goes to one element of the field's list.
    """

    field: Field | None
    rest: Path
    at_element: bool
    positions: tuple[int, ...]


def _declared(path: Path, collection: Collection) -> _Declared:
    """What is declared along a path.

    Raises ``Mismatch`` for an undeclared name where only declared ones are
    allowed, and for a list of which no position is named.
    """
    found: Field | None = None
    fields: Mapping[str, Field] = collection.by_name
    at_element = False
    positions: tuple[int, ...] = ()
    for place, name in enumerate(path):
        if found is not None and _is_given(found) and found.is_list and not at_element:
            if not is_position(name):
                raise Mismatch(
                    f"{found.path!r} is a list: name the position, as in '{found.path}.0'."
                )
            at_element = True
            positions += (place,)
            continue
        if found is not None and found.type.name != "object":
            return _Declared(found, path[place:], at_element, positions)
        if name not in fields:
            if collection.strict:
                hint = did_you_mean(name, fields)
                raise Mismatch(f"The collection has no field of this name.{hint}")
            return _Declared(None, (), False, positions)
        found = fields[name]
        fields = {each.name: each for each in found.fields}
        at_element = False
    return _Declared(found, (), at_element, positions)


def _is_given(field: Field) -> bool:
    """Whether clients give its values: it is not computed, and no child list."""
    return field.formula is None and field.is_stored


def check_lists(place: Place, document: Mapping[str, Any]) -> None:
    """Raises ``Mismatch`` if a path goes to an element of a declared list that is not there.

    An object with the position as its name would be made otherwise.
    """
    for position in place.positions:
        if not isinstance(value_at(document, place.path[:position]), list):
            raise Mismatch("There is no list; send the whole of it.")


def value_at(holder: Any, path: Path) -> Any:
    """What is stored at a path of names and positions, ``MISSING`` when nothing is."""
    for name in path:
        if isinstance(holder, dict):
            holder = holder.get(name, MISSING)
        elif isinstance(holder, list) and (place := _position(holder, name)) is not None:
            holder = holder[place]
        else:
            return MISSING
    return holder


class Draft:
    """A copy of a document that is changed place by place.

    What is not changed it shares with the original; what is, it copies once,
    however many changes come to be in the same object or list.
    """

    def __init__(self, original: Mapping[str, Any]) -> None:
        self.document: dict[str, Any] = dict(original)
        self._own: dict[int, Any] = {id(self.document): self.document}

    def change(self, path: Path, change: Callable[[Any], Any], *, making: bool) -> None:
        """Puts what ``change`` makes of what is at ``path`` in its place.

        ``change`` gets ``MISSING`` where nothing is, and answers it to leave
        nothing there. With ``making``, objects that lack on the way are made and
        ``Mismatch`` is raised where a list has no such position or a scalar is in
        the way; without it there is nothing to change then.
        """
        self._changed(self.document, path, change, making)

    def _changed(self, holder: Any, path: Path, change: Callable[[Any], Any], making: bool) -> Any:
        if not path:
            return change(holder)
        name, rest = path[0], path[1:]
        if making and (holder is None or holder is MISSING):
            holder = {}
        if isinstance(holder, dict):
            value = self._changed(holder.get(name, MISSING), rest, change, making)
            return self._with(holder, name, value)
        if isinstance(holder, list) and (place := _position(holder, name)) is not None:
            value = self._changed(holder[place], rest, change, making)
            if value is MISSING:
                raise Mismatch("A list closes no gaps: use '$pull' or '$pop', or send it whole.")
            return self._with(holder, place, value)
        if not making:
            return holder
        if isinstance(holder, list):
            raise Mismatch("The list has no such position; send the whole list to lengthen it.")
        raise Mismatch("What is stored there is neither an object nor a list.")

    def _with(self, holder: Any, place: Any, value: Any) -> Any:
        """The holder with a value at a name or position, or without the name."""
        if id(holder) not in self._own:
            holder = holder.copy()
            self._own[id(holder)] = holder  # kept, so that no other can get its identity
        if value is MISSING:
            holder.pop(place, None)
        else:
            holder[place] = value
        return holder


def standing_at(path: Path, value: Any) -> dict[str, Any]:
    """A document that holds ``value`` at ``path``, positions left out, and nothing else."""
    for name in reversed([path[0], *(each for each in path[1:] if not is_position(each))]):
        value = {name: value}
    document: dict[str, Any] = value
    return document


def _position(holder: list[Any], name: str) -> int | None:
    """The position in a list that a name means, None when the list has none such."""
    if not is_position(name) or len(name) > 9:
        return None
    return int(name) if int(name) < len(holder) else None
