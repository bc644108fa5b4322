"""Finds the mongod program: by setting, on PATH, or in the Python package that carries one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from duetdb.app.service.errors import Unavailable

_PACKAGED = Path("fiftyone", "db", "bin", "mongod")


def find_mongod(setting: Path | None) -> Path:
    """The mongod to run.

    Raises ``Unavailable`` with the ways out when there is none.
    """
    if setting is not None:
        if not os.access(setting, os.X_OK) or setting.is_dir():
            raise Unavailable(f"The setting mongod names {setting}, which is not a program.")
        return setting.absolute()
    on_path = shutil.which("mongod")
    if on_path is not None:
        return Path(on_path).absolute()
    # Looked up as a file: importing the package would be for nothing.
    for folder in sys.path:
        candidate = Path(folder or ".", _PACKAGED)
        if os.access(candidate, os.X_OK):
            return candidate.absolute()
    raise Unavailable(
        "No mongod was found for the embedded database. Install one (pip install "
        "'duetdb[embedded]'), name one with --mongod, use a MongoDB with --mongodb-uri, "
        "or try DuetDB with --memory."
    )
