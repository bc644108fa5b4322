"""Whether everything that a caller sends is something that it may write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from duetdb.app.service.errors import Forbidden
from duetdb.app.service.query import Operation
from duetdb.app.service.stored_names import CurrentPaths
from duetdb.schema_gen.model import Collection


def check_written(
    collection: Collection,
    changes: Mapping[str, Any],
    operations: Iterable[Operation] = (),
    *,
    new: bool = False,
) -> None:
    """Raises ``Forbidden`` for the first value that may not be written.

    With ``new`` the values are those of a document that is to be made, otherwise
    they change one that is there: an object may be set around what the caller may
    not write, because that stays (``writing.remit``), and a list may not, because
    nobody could say which element it would belong to then.

    Names that a field had before count as those it has now. System fields in
    bodies are ignored by all writes, so they are here (SPEC 4.2); parents are
    judged where the ids are known.
    """
    if collection.narrowing is not None:
        check = _Check(collection, new)
        for name, value in changes.items():
            check.value(name, value)
        for each in operations:
            check.operation(each)


class _Check:
    def __init__(self, collection: Collection, new: bool) -> None:
        assert collection.narrowing is not None
        self._writable = collection.rights.writable
        self._visible = collection.narrowing.visible
        self._whole = collection.whole
        self._paths = CurrentPaths(collection.whole)
        self._new = new

    def value(self, name: str, value: Any) -> None:
        """A value to be set at a dotted name."""
        if name[:1] != "_":
            self._at(self._place(name), value)

    def operation(self, operation: Operation) -> None:
        """An operator: all but ``set`` answer by what is stored, which then must be readable."""
        if operation.operator == "set":
            self.value(operation.path, operation.value)
        elif operation.path[:1] != "_":
            path = self._place(operation.path)
            if operation.operator == "push" and self._visible.has(path):
                for each in _elements(operation.value):
                    self._at(path, each)
            else:
                self._changed(path)
        if operation.operator == "rename" and isinstance(operation.value, str):
            self._changed(self._place(operation.value))

    def _place(self, name: str) -> str:
        """The path that a dotted name means; what it leads through decides on the answer too."""
        path = self._paths.of(name)
        above = self._paths.of(name.rpartition(".")[0])
        while above:
            self._led_through(above, path)
            above = above.rpartition(".")[0]
        return path

    def _led_through(self, path: str, goal: str) -> None:
        """Raises unless the caller knows that there is an object, or sees what there is."""
        field = self._whole.by_path.get(path)
        if field is None or field.type.name != "object":
            is_told = self._visible.has_whole(path)
        else:
            is_told = not field.is_list or self._visible.has(path)
        if not is_told:
            raise _forbidden(goal)

    def _changed(self, path: str) -> None:
        if not (self._is_writable(path) and self._visible.has_whole(path)):
            raise _forbidden(path)

    def _at(self, path: str, value: Any) -> None:
        if self._is_writable(path):
            return
        if not self._writable.has(path):
            raise _forbidden(path)
        if isinstance(value, Mapping):
            if not self._new:
                self._led_through(path, path)
            for name, inner in value.items():
                self._at(self._paths.below(path, name), inner)
        elif not self._new or not isinstance(value, list | None):
            raise _forbidden(path)
        else:
            for each in value or ():
                self._at(path, each)

    def _is_writable(self, path: str) -> bool:
        """Whether all that is there may be written.

        Where nothing but what is declared can be, a name that nobody declared is
        refused as a hidden one is: other words would tell them apart.
        """
        if self._writable.is_everything:
            return True
        return self._writable.has_whole(path) and (not self._whole.strict or self._is_known(path))

    def _is_known(self, path: str) -> bool:
        while path not in self._whole.by_path:
            path, dot, _ = path.rpartition(".")
            if not dot:
                return False
            if path in self._whole.by_path:
                return self._whole.by_path[path].type.name == "JSON"
        return True


def _elements(value: Any) -> list[Any]:
    """The elements that ``$push`` would append."""
    several = value.get("$each") if isinstance(value, Mapping) else None
    return several if isinstance(several, list) else [value]


def _forbidden(path: str) -> Forbidden:
    return Forbidden(
        f"'{path[:100]}' may not be written by this caller.",
        hint="Leave it out, or ask for a key or a role that may write it.",
    )
