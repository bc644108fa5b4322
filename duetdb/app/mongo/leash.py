"""Ties a process's life to its parent's; also a script that does so and becomes another program.

    python leash.py PARENT_PID PROGRAM ARGUMENTS...

The script exists because the kernel must be asked inside the child, after the fork and before the
program: doing that in a forked copy of a threaded Python process can deadlock. It imports nothing
of the package, so that it starts in a few milliseconds.
"""

import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 64_000


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent ends, however it ends.

    Linux only; elsewhere nothing happens, and a survivor is stopped at the next start.
    """
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGTERM)


def _raise_open_files() -> None:
    """MongoDB keeps a file open for each collection and index; many systems start with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _become(parent: int, program: list[str]) -> None:
    die_with_parent(parent)
    _raise_open_files()
    try:
        os.execv(program[0], program)
    except OSError as error:
        sys.exit(f"{program[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
