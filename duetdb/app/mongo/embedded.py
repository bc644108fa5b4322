"""Runs MongoDB as a supervised child process: no TCP port, one private folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from duetdb.app.mongo import leash
from duetdb.app.mongo.binary import find_mongod
from duetdb.app.mongo.folder import SOCKET, DataFolder, uri_of
from duetdb.app.mongo.mongod_log import LOG, MongodLog
from duetdb.app.service.errors import Unavailable

_REPLICA_SET = "duet"
_MEMBER = f"./{SOCKET}"
"""Relative to the data folder, in which mongod runs: the folder may move, and be deep."""

_FLAGS = (
    "--dbpath=.",
    f"--bind_ip={_MEMBER}",
    "--unixSocketPrefix=.",
    "--filePermissions=0600",
    f"--replSet={_REPLICA_SET}",
    "--oplogSize=64",
    "--wiredTigerCacheSizeGB=0.25",
    "--wiredTigerEngineConfigString=log=(file_max=8MB,prealloc=false)",
    "--noscripting",
    "--quiet",
    f"--logpath={LOG}",
    "--logappend",
    "--logRotate=reopen",
    "--setParameter=diagnosticDataCollectionEnabled=false",
    # A single node has nobody to hand over to: by default a signalled shutdown waits 15 s.
    "--setParameter=shutdownTimeoutMillisForSignaledShutdown=0",
    # Nobody reads the past. By default the files of what was dropped stay open for five minutes,
    # and a mongod that has too many of them open aborts.
    "--setParameter=minSnapshotHistoryWindowInSeconds=0",
)
_POLL = 0.01
_STOP_SECONDS = 20.0
_LONGEST_PAUSE = 5.0
_LOG_CHECK_SECONDS = 60.0

log = structlog.get_logger("duetdb.mongod")


class EmbeddedMongod:
    """A single-node replica set for one server, restarted if it dies.

    ``start`` returns when it takes reads and writes, ``stop`` when it has ended cleanly; the
    same as a context manager. While it restarts, clients of ``uri`` wait as long as their
    server selection does. Methods block, and belong to the owner's thread.
    """

    def __init__(self, data: Path, binary: Path | None = None) -> None:
        self._folder = DataFolder(data)
        self._setting = binary
        self._binary = Path()
        self._log = MongodLog(self._folder.path)
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._failure: Unavailable | None = None

    @property
    def uri(self) -> str:
        """Where clients connect; valid from ``launch`` to ``stop``."""
        return self._folder.uri

    @property
    def pid(self) -> int | None:
        """The process that runs just now, if one does."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, seconds: float = 120.0) -> None:
        """Start and wait until it is ready.

        Raises ``Unavailable``: no mongod, folder in use, or the reason that mongod itself gave.
        """
        self.launch()
        self.wait(seconds)

    def launch(self) -> None:
        """Begin to start, and return at once; ``wait`` must follow."""
        self._binary = find_mongod(self._setting)
        self._folder.acquire()
        self._stopping.clear()
        self._settled.clear()
        self._failure = None
        # This thread lives until the engine is stopped, as the leash needs: the kernel counts
        # the end of the thread that forked as the end of the parent.
        self._thread = threading.Thread(target=self._supervise, name="mongod", daemon=True)
        self._thread.start()

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the end of ``launch``; raises what ``start`` does."""
        if not self._settled.wait(seconds):
            self._failure = Unavailable(
                f"The embedded database is not ready after {seconds:.0f} s. {self._log.where}"
            )
        if self._failure is not None:
            failure = self._failure
            self.stop()
            raise failure

    def stop(self) -> None:
        """End it cleanly. Does nothing when it does not run."""
        if self._thread is None:
            return
        with self._guard:
            self._stopping.set()
            self._folder.withdraw()
            if self._process is not None:
                self._process.terminate()
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive() and self._process is not None:
            log.warning("mongod_killed", pid=self._process.pid, reason="it did not stop in time")
            self._process.kill()
            self._thread.join()
        self._thread = None
        self._folder.release()

    def __enter__(self) -> EmbeddedMongod:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _supervise(self) -> None:
        """Keep one process running until told to stop."""
        pause = 0.0
        while not self._stopping.wait(pause):
            began = time.monotonic()
            try:
                self._run()
            except (OSError, PyMongoError, Unavailable) as error:
                self._end_process()
                failure = error if isinstance(error, Unavailable) else self._log.failure(str(error))
                log.error("mongod_failed", reason=failure.message)
                if not self._settled.is_set():
                    self._failure = failure
                    self._settled.set()
                    return
            lasted = time.monotonic() - began
            pause = 0.0 if lasted > _LONGEST_PAUSE else min(max(0.1, 2 * pause), _LONGEST_PAUSE)

    def _run(self) -> None:
        """One life of the process, from start to end."""
        survivor = self._folder.stop_survivor()
        if survivor is not None:
            log.warning("mongod_survivor_stopped", pid=survivor)
        process = self._spawn()
        if process is None:
            return
        began = time.monotonic()
        self._until_connectable(process)
        self._until_primary(process)
        with self._guard:
            if not self._stopping.is_set():
                self._folder.publish()
        took = round(time.monotonic() - began, 3)
        log.info("mongod_ready", pid=process.pid, seconds=took, data=str(self._folder.path))
        self._settled.set()
        self._until_ended(process)
        with self._guard:
            self._folder.withdraw()
        if not self._stopping.is_set():
            log.error("mongod_died", pid=process.pid, status=process.returncode)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        command = [sys.executable, "-I", "-S", leash.__file__]
        command += [str(os.getpid()), str(self._binary), *_FLAGS]
        with self._guard:
            if self._stopping.is_set():
                return None
            with self._log.fresh() as output:
                self._process = subprocess.Popen(
                    command,
                    cwd=self._folder.path,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    # Ctrl-C in the terminal is for the server, which stops the engine last.
                    start_new_session=True,
                )
            return self._process

    def _until_connectable(self, process: subprocess.Popen[bytes]) -> None:
        address = str(self._folder.socket)
        while True:
            self._check_alive(process)
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(address) == 0:
                    return
            time.sleep(_POLL)

    def _until_primary(self, process: subprocess.Popen[bytes]) -> None:
        client: MongoClient[Any] = MongoClient(
            uri_of(self._folder.socket), serverSelectionTimeoutMS=30_000
        )
        with client:
            hello = client.admin.command("hello")
            if "setName" not in hello and hello.get("isreplicaset"):
                member = {"_id": 0, "host": _MEMBER}
                client.admin.command("replSetInitiate", {"_id": _REPLICA_SET, "members": [member]})
            while not client.admin.command("hello")["isWritablePrimary"]:
                self._check_alive(process)
                time.sleep(_POLL)

    def _until_ended(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                process.wait(_LOG_CHECK_SECONDS)
                return
            except subprocess.TimeoutExpired:
                self._log.rotate(process)

    def _check_alive(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            raise self._log.failure(f"mongod ended with status {process.returncode}")

    def _end_process(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
