"""The figures that one question about groups asks for."""

from __future__ import annotations

from collections.abc import Iterable

from duetdb.app.service.grouping import Function, Measure, Place
from duetdb.graphql.figures import Leaf, path_of

COUNT = Measure(Function.COUNT)


def measure_of(function: Function, leaf: Leaf) -> Measure:
    """The figure that a function makes of a field."""
    return Measure(function, Place(path_of(leaf)))


class Measures:
    """Figures, each once, by the names that the service gives them."""

    def __init__(self, known: Iterable[Measure] = ()) -> None:
        self._places = {each: place for place, each in enumerate(known)}

    @property
    def all(self) -> tuple[Measure, ...]:
        """In the order of their names."""
        return tuple(self._places)

    def name_of(self, measure: Measure) -> str:
        """The name of a figure, which is asked for from now on if it was not before."""
        return f"m{self._places.setdefault(measure, len(self._places))}"
