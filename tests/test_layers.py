"""The layers import one way, and our ``graphql`` never hides graphql-core's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duetdb

ROOT = Path(__file__).parent.parent
PACKAGE = Path(duetdb.__file__).parent


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_graphql_core_is_what_graphql_names() -> None:
    import graphql

    import duetdb.graphql

    assert Path(graphql.__file__).parent != PACKAGE / "graphql"
    assert graphql is not duetdb.graphql
    assert callable(graphql.parse)


def test_no_folder_of_tests_is_called_graphql() -> None:
    assert [path for path in (ROOT / "tests").rglob("graphql*") if path.is_dir()] == []


def test_nothing_puts_the_inside_of_the_package_on_the_path() -> None:
    inside = {PACKAGE, *(folder for folder in PACKAGE.rglob("*") if folder.is_dir())}
    assert inside.isdisjoint(Path(entry).resolve() for entry in sys.path)


def test_the_package_is_the_only_top_level_one() -> None:
    parts = {"app", "graphql", "rest", "schema_gen"}
    assert parts <= {folder.name for folder in PACKAGE.iterdir()}
    assert not parts & {folder.name for folder in ROOT.iterdir()}


def test_init_files_are_empty() -> None:
    filled = [
        path
        for path in PACKAGE.rglob("__init__.py")
        if path.parent != PACKAGE and path.read_text().strip()
    ]
    assert filled == []


def test_files_stay_small_enough_to_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
