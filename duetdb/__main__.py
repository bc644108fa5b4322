"""The console entry point: ``duetdb`` and ``python -m duetdb``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    from duetdb.app.cli.dispatch import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
