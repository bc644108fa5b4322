"""Operations on the library, drawn at random: every text is valid, whatever it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

SYSTEM = "_id _created _changed _createdby _version _extra __typename".split()
WIDE = {
    f"graphql_{name}": 1_000_000_000
    for name in "depth fields repeats aliases directives reads cost".split()
}
"""Limits within which every drawn operation is."""
ROW = ["group", "count", "__typename"]
"""What a group has besides figures of fields."""


def figures(type_: str, functions: str) -> dict[str, str]:
    """The fields of a group that have figures, and their types."""
    endings = {"countDistinct": "Counts", "sum": "Numbers", "avg": "Numbers"}
    return {each: type_ + endings.get(each, "Extremes") for each in functions.split()}


SCALARS: Mapping[str, list[str]] = {
    "Authors": [*SYSTEM, "name", "born"],
    "Reviews": [*SYSTEM, "text", "stars", "_parent_id", "_parent_def", "_parent_field"],
    "Books": [
        *SYSTEM,
        *"title isbn code pages rating price gross inPrint published sold read_at".split(),
        *"genre tags scores about place".split(),
    ],
    "Books_print": ["city", "year", "_extra", "__typename"],
    "Books_print_size": ["height", "_extra", "__typename"],
    "Books_parts": ["kind", "length", "marks", "_extra", "__typename"],
    **dict.fromkeys(("AuthorsAggregate", "ReviewsAggregate", "BooksAggregate"), ROW),
    "AuthorsCounts": ["name", "__typename"],
    "AuthorsExtremes": ["name", "__typename"],
    "ReviewsCounts": ["text", "stars", "__typename"],
    "ReviewsExtremes": ["text", "stars", "__typename"],
    "ReviewsNumbers": ["stars", "__typename"],
    "BooksCounts": ["title", "pages", "__typename"],
    "BooksExtremes": ["title", "pages", "__typename"],
    "BooksNumbers": ["pages", "__typename"],
    "Media": [
        *"_id id url thumbnailUrl webUrl _created _createdby app origname file mediatype".split(),
        *"exif filesize width height __typename".split(),
    ],
    "PageInfo": ["hasNextPage", "hasPreviousPage", "__typename"],
}
OBJECTS: Mapping[str, Mapping[str, str]] = {
    "Authors": {
        "mentor": "Authors",
        "booksByAuthor": "[Books]",
        "booksByEditors": "[Books]",
        "authorsByMentor": "[Authors]",
        "reviewsByBy": "[Reviews]",
    },
    "Reviews": {"by": "Authors", "booksByReviews": "Books"},
    "Books": {
        "print": "Books_print",
        "parts": "Books_parts",
        "cover": "Media",
        "author": "Authors",
        "editors": "Authors",
        "reviews": "[Reviews]",
    },
    "Books_print": {"size": "Books_print_size"},
    "AuthorsAggregate": figures("Authors", "countDistinct min max"),
    "ReviewsAggregate": figures("Reviews", "countDistinct sum avg min max"),
    "BooksAggregate": figures("Books", "countDistinct sum avg min max"),
}
"""The fields with fields of their own; those in brackets take the arguments of a list."""

COMPARED = {"Authors": "name", "Reviews": "stars", "Books": "pages"}
VALUES: Mapping[str, list[str]] = {
    "name": ["null", '"Ann"', '"Bob"', '"zzz"'],
    "stars": ["null", "1", "3", "5"],
    "pages": ["null", "10", "20", "30"],
}


@dataclass
class Drawing:
    """One operation being drawn."""

    draw: Draw
    ids: Mapping[str, list[str]]
    aliases: int = 0
    fragments: list[str] = field(default_factory=list)

    def operation(self) -> str:
        """A query of one to three root fields; its variables are ``$yes`` and ``$no``."""
        roots = [self.root() for _ in range(self.draw(st.integers(1, 3)))]
        used = "yes: __typename @include(if: $yes) no: __typename @skip(if: $no)"
        text = " ".join([*roots, used])
        return " ".join(
            [f"query($yes: Boolean!, $no: Boolean! = false) {{ {text} }}", *self.fragments]
        )

    def root(self) -> str:
        type_ = self.draw(st.sampled_from(sorted(COMPARED)))
        name = type_.lower()
        kind = self.draw(st.sampled_from(["list", "one", "connection", "groups"]))
        if kind == "one":
            id_ = self.draw(st.sampled_from([*self.ids[name], "0" * 24]))
            return f'{self.alias()}: {name}ById(id: "{id_}") {self.selection(type_, 3)}'
        if kind == "list":
            return f"{self.alias()}: {name}{self.arguments(type_, True)} {self.selection(type_, 3)}"
        where = self.where(type_, 1)
        if kind == "groups":
            by = self.draw(st.sampled_from(["", f", groupBy: {COMPARED[type_]}", ", max: 1"]))
            selection = self.selection(f"{type_}Aggregate", 2)
            return f"{self.alias()}: {name}Aggregate(where: {where}{by}) {selection}"
        size = self.draw(
            st.sampled_from(["first: 2", "last: 2", "first: 0", "last: 99", "first: 1"])
        )
        kinds = st.sampled_from(["edges", "totalCount", "pageInfo"])
        chosen = self.draw(st.lists(kinds, min_size=1, unique=True))
        parts = [self.part(each, type_) for each in chosen]
        return f"{self.alias()}: {name}Connection({size}, where: {where}) {{ {' '.join(parts)} }}"

    def part(self, kind: str, type_: str) -> str:
        """One field of a connection."""
        if kind == "edges":
            return f"edges {{ __typename node {self.selection(type_, 2)} }}"
        if kind == "pageInfo":
            return f"{self.alias()}: pageInfo {self.selection('PageInfo', 0)}"
        return kind

    def alias(self) -> str:
        self.aliases += 1
        return f"a{self.aliases}"

    def selection(self, type_: str, depth: int) -> str:
        """A selection set on a type, with at most so many levels below it."""
        fields = [self.item(type_, depth) for _ in range(self.draw(st.integers(1, 5)))]
        return "{ " + " ".join(fields) + " }"

    def item(self, type_: str, depth: int) -> str:
        kind = self.draw(st.sampled_from(["scalar"] * 3 + ["object"] * 3 + ["inline", "named"]))
        if kind == "object" and depth and type_ in OBJECTS:
            return self.object(type_, depth)
        if kind == "inline" and depth:
            condition = self.draw(st.sampled_from([f"on {type_}", ""]))
            return f"... {condition} {self.directive()} {self.selection(type_, depth - 1)}"
        if kind == "named" and depth:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            place = len(self.fragments) - 1
            inner = self.selection(type_, depth - 1)
            self.fragments[place] = f"fragment {name} on {type_} {inner}"
            return f"...{name} {self.directive()}"
        name = self.draw(st.sampled_from(SCALARS[type_]))
        alias = f"{self.alias()}: " if self.draw(st.booleans()) else ""
        return f"{alias}{name} {self.directive()}"

    def object(self, type_: str, depth: int) -> str:
        name, target = self.draw(st.sampled_from(sorted(OBJECTS[type_].items())))
        inner = target.strip("[]")
        if target != inner and self.draw(st.booleans()):
            arguments = self.arguments(inner, False)
            return f"{self.alias()}: {name}{arguments} {self.selection(inner, depth - 1)}"
        alias = f"{self.alias()}: " if self.draw(st.booleans()) else ""
        return f"{alias}{name} {self.directive()} {self.selection(inner, depth - 1)}"

    def directive(self) -> str:
        return str(
            self.draw(
                st.sampled_from(
                    [""] * 6
                    + [
                        "@include(if: $yes)",
                        "@skip(if: $no)",
                        "@skip(if: $yes)",
                        "@include(if: true)",
                    ]
                )
            )
        )

    def arguments(self, type_: str, _root: bool) -> str:
        given = [f"where: {self.where(type_, 2)}"]
        if self.draw(st.booleans()):
            name = COMPARED[type_]
            keys = [f"{{{name}: ASC}}", f"{{{name}: DESC}}", "{_id: DESC}", "[]"]
            given.append(f"orderBy: {self.draw(st.sampled_from(keys))}")
        if self.draw(st.booleans()):
            given.append(f"max: {self.draw(st.sampled_from(['0', '1', '2', '50']))}")
        if self.draw(st.booleans()):
            given.append(f"skip: {self.draw(st.integers(0, 2))}")
        return f"({', '.join(given)})"

    def where(self, type_: str, depth: int) -> str:
        kind = self.draw(st.sampled_from(["all", "compare", "compare", "join", "relation"]))
        name = COMPARED[type_]
        if kind == "compare":
            operator = self.draw(st.sampled_from(["eq", "ne", "gt", "lte", "in"]))
            if operator == "in":
                values = self.draw(st.lists(st.sampled_from(VALUES[name]), max_size=3))
                return f"{{{name}: {{in: [{', '.join(values)}]}}}}"
            plain = VALUES[name] if operator in ("eq", "ne") else VALUES[name][1:]
            return f"{{{name}: {{{operator}: {self.draw(st.sampled_from(plain))}}}}}"
        if kind == "join" and depth:
            word = self.draw(st.sampled_from(["and", "or"]))
            parts = [self.where(type_, depth - 1) for _ in range(self.draw(st.integers(1, 2)))]
            return f"{{{word}: [{', '.join(parts)}], not: {{{name}: {{eq: {VALUES[name][2]}}}}}}}"
        if kind == "relation" and depth:
            link, target = {"Authors": "mentor Authors", "Reviews": "by Authors", "Books": ""}[
                type_
            ].split() or self.draw(
                st.sampled_from(
                    [["author", "Authors"], ["editors", "Authors"], ["reviews", "Reviews"]]
                )
            )
            return f"{{{link}: {self.where(target, depth - 1)}}}"
        return "{}"
