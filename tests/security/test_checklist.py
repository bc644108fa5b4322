"""Each box of the checklist names tests that are there, or says why there is nothing to attack."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.security.checklist import CHECKLIST, Box

TESTS = Path(__file__).parent.parent
BOXES = [box for boxes in CHECKLIST.values() for box in boxes]


@cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(
        each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("box", BOXES, ids=lambda box: box.attack[:50])
def test_a_box_is_tried_or_has_nothing_to_try(box: Box) -> None:
    assert box.tests or box.absent
    missing = [
        each for each in box.tests if each.split("::")[1] not in functions_in(each.split("::")[0])
    ]
    assert missing == []


def test_the_composition_publishes_no_database() -> None:
    text = (TESTS.parent / "docker-compose.yml").read_text(encoding="utf-8")
    published = re.findall(r'^\s*-\s*"?([\d.:${}A-Z_-]+:\d+)"?\s*$', text, re.MULTILINE)
    assert published and all(each.startswith("127.0.0.1:") for each in published)
    assert not any("27017" in each for each in published)
    assert re.search(r"image: mongo:(\d+)", text)
    assert int(re.findall(r"image: mongo:(\d+)", text)[0]) >= 8
