"""Fields that were renamed, while their data is still moving to the new name.

Costs nothing for collections without such fields: ``Collection.former`` is
empty then, and callers ask that first.
"""

from __future__ import annotations

from collections.abc import Iterable

from duetdb.app.service.query import Document
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.positions import is_position


def former_of(path: str, collection: Collection) -> str | None:
    """``path`` with the former names of renamed fields on it; None when there are none."""
    parts = path.split(".")
    changed = list(parts)
    names: list[str] = []
    for position, part in enumerate(parts):
        if collection.is_position(names, part):
            continue
        names.append(part)
        former = collection.former.get(".".join(names))
        if former is not None:
            changed[position] = former.rpartition(".")[2]
    return ".".join(changed) if changed != parts else None


class CurrentPaths:
    """Dotted paths as they are declared: without positions, and by the names of now."""

    def __init__(self, collection: Collection) -> None:
        """``collection`` is the whole one."""
        self._fields = collection.by_path
        self._now = {
            former: path
            for path, former in collection.former.items()
            if former not in collection.by_path
        }

    def of(self, path: str) -> str:
        """A path that a client wrote; where it does not lead, it stays as it is."""
        found, *parts = path.split(".")
        found = self._now.get(found, found)
        for part in parts:
            below = self.below(found, part)
            if not self._is_position(part, below, found):
                found = below
        return found

    def below(self, path: str, name: str) -> str:
        """The path of a property of the object at ``path``; "" is the document."""
        found = f"{path}.{name}" if path else name
        return self._now.get(found, found)

    def _is_position(self, part: str, path: str, holder: str) -> bool:
        """A number is a name where one is declared so, and where no list can be."""
        if not is_position(part) or path in self._fields:
            return False
        field = self._fields.get(holder)
        return field is None or field.is_list or field.type.name == "JSON"


def under_new_names(documents: Iterable[Document], collection: Collection) -> None:
    """Moves values that are still under a former name, in place; the new name's value wins."""
    for path, former in collection.former.items():
        if former in collection.by_path:
            continue  # the former name is in use again, for something else
        *parents, new = path.split(".")
        old = former.rpartition(".")[2]
        for document in documents:
            for holder in holders(document, parents):
                if old in holder:
                    value = holder.pop(old)
                    holder.setdefault(new, value)


def holders(document: Document, parents: list[str]) -> list[Document]:
    """The objects at a path of parent names, each element where there is a list."""
    found: list[Document] = [document]
    for name in parents:
        inner: list[Document] = []
        for each in found:
            value = each.get(name)
            if isinstance(value, dict):
                inner.append(value)
            elif isinstance(value, list):
                inner.extend(element for element in value if isinstance(element, dict))
        found = inner
    return found
