"""The data folder of the embedded database: private, locked by one server, reachable by socket."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from duetdb.app.service.errors import Unavailable

LOCK = "duetdb.lock"
SOCKET = "mongod.sock"
LINK = "duetdb.sock"
_ALIAS_PREFIX = "duetdb-"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]{1,80}")
"""What fits a socket address (104 bytes on macOS) and a MongoDB URI (no commas) in any case."""


class DataFolder:
    """One data folder, held by at most one server at a time.

    MongoDB listens on ``SOCKET``. Clients use ``LINK``, a symbolic link that is there only while
    the engine is ready for reads and writes, so that they wait, and do not fail, in between.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        self._alias: Path | None = None

    @property
    def uri(self) -> str:
        """Where clients connect, once the folder is acquired."""
        return uri_of(self._base / LINK)

    @property
    def socket(self) -> Path:
        """Where MongoDB itself listens, by a path short enough to connect to."""
        return self._base / SOCKET

    @property
    def _base(self) -> Path:
        return self.path if self._alias is None else self._alias / "data"

    def acquire(self) -> None:
        """Make the folder private and this server's own.

        Raises ``Unavailable`` if another server holds it, or it is not a data folder.
        """
        self._make_private()
        lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise Unavailable(
                f"The data folder {self.path} is in use by another DuetDB server"
                f"{_process_of(self.path / LOCK)}. Stop that one, or choose another folder "
                "with --data."
            ) from None
        self._lock = lock
        self._remove_stale_alias()
        if _PLAIN_PATH.fullmatch(str(self.path)) is None:
            self._alias = Path(tempfile.mkdtemp(prefix=_ALIAS_PREFIX, dir=_short_temporary()))
            (self._alias / "data").symlink_to(self.path)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n{self._alias or ''}\n{self.uri}\n".encode(), 0)
        self.withdraw()

    def release(self) -> None:
        """Let the next server have the folder."""
        self.withdraw()
        if self._alias is not None:
            shutil.rmtree(self._alias, ignore_errors=True)
            self._alias = None
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def publish(self) -> None:
        """Let clients in: the engine is ready."""
        self.withdraw()
        (self.path / LINK).symlink_to(SOCKET)

    def withdraw(self) -> None:
        """Make clients wait: the engine is not ready."""
        (self.path / LINK).unlink(missing_ok=True)

    def stop_survivor(self) -> int | None:
        """End a MongoDB that outlived its server, and say which process that was."""
        path = self.path / "mongod.lock"
        if not _is_locked(path):
            return None
        process = 0
        for sign, seconds in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 10.0)):
            deadline, signalled = time.monotonic() + seconds, False
            while time.monotonic() < deadline:
                if not _is_locked(path):
                    return process
                if not signalled:  # one that has only just begun has not said who it is
                    process = _signal_holder(path, sign)
                    signalled = process != 0
                time.sleep(0.02)
        raise Unavailable(
            f"Another MongoDB (process {process}) uses the data folder {self.path} and does not "
            "stop. Stop it, or choose another folder with --data."
        )

    def _make_private(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            names = {entry.name for entry in self.path.iterdir()}
            if names and LOCK not in names:
                raise Unavailable(
                    f"The data folder {self.path} holds other files. Choose an empty or a new "
                    "folder with --data."
                )
            self.path.chmod(0o700)
        except OSError as error:
            raise Unavailable(
                f"The data folder {self.path} cannot be used: {error.strerror}. Choose another "
                "one with --data."
            ) from None

    def _remove_stale_alias(self) -> None:
        """A server that was killed left its alias behind, and its name in the lock file."""
        alias = Path((*_lines(self.path / LOCK), "", "")[1])
        if alias.name.startswith(_ALIAS_PREFIX) and (alias / "data").is_symlink():
            shutil.rmtree(alias, ignore_errors=True)


def uri_of(socket: Path) -> str:
    """The connection string of the one MongoDB that listens on ``socket``."""
    return f"mongodb://{quote(str(socket), safe='')}/?directConnection=true"


def running_uri(path: Path) -> str | None:
    """Where the server that holds the data folder ``path`` has its engine, if one holds it."""
    lock = path.absolute() / LOCK
    if not lock.is_file():
        return None
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return (*_lines(lock), "", "", "")[2] or None
    return None


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text("utf-8", "surrogateescape").splitlines())


def _process_of(lock: Path) -> str:
    lines = _lines(lock)
    return f" (process {lines[0]})" if lines else ""


def _short_temporary() -> str:
    """A temporary folder with a path that leaves room for a socket's name."""
    chosen = tempfile.gettempdir()
    return chosen if _PLAIN_PATH.fullmatch(chosen) and len(chosen) < 50 else "/tmp"


def _signal_holder(path: Path, sign: signal.Signals) -> int:
    """Signal the MongoDB that holds its lock file ``path``, and say which process that is."""
    process = int(path.read_text().strip() or 0)
    if process:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, sign)
    return process


def _is_locked(path: Path) -> bool:
    """Whether a living MongoDB holds its lock file; a killed one leaves the file, not the lock."""
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True
