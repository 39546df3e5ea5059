"""How another process finds the board of a worker: a file in a folder of this user's, locked while the worker lives.

The lock, not the process id, tells whether a worker lives: ids come again, in containers nearly always the same one.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from worker.metrics.board import SIZE, Board, Head

log = logging.getLogger(__name__)

_SUFFIX = ".worker"


def folder() -> Path:
    """Return where workers of this user keep their state files."""
    given = os.environ.get("TIKTOK_EVENTS_STATE_DIR")
    return Path(given) if given else Path(tempfile.gettempdir()) / f"tiktok-events-{os.getuid()}"


def board_in_file(head: Head) -> Board:
    """Make the board of this worker in a file of its own, which goes when the worker ends.

    Where no such file can be had the board is in memory: the worker works and is measured, and only `healthcheck`
    does not find it.
    """
    try:
        file = _own_file(folder() / f"{os.getpid()}{_SUFFIX}")
        return Board.made(head, file)
    except OSError as error:
        log.warning("no state file; healthcheck will not find this worker", extra={"cause": type(error).__name__})
        return Board.made(head)


def _own_file(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # In a folder that others share somebody may have prepared one of this name.
    if path.parent.lstat().st_uid != os.getuid() or path.parent.is_symlink():
        raise PermissionError("the folder is somebody else's")
    path.unlink(missing_ok=True)
    file = path.open("x+b")
    path.chmod(0o600)
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Room for all of it now: a write to shared memory that finds the disk full would kill the process.
    file.write(bytes(SIZE))
    file.flush()
    _kept.append(file)
    atexit.register(_remove, path, os.getpid())
    return file


_kept: list[IO[bytes]] = []
"""Open as long as the process lives: closing the file would end the lock."""


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        path.unlink(missing_ok=True)


def boards() -> Iterator[Board]:
    """Yield the boards of the workers that live here, and remove the files of those that were killed."""
    for path in sorted(folder().glob(f"*{_SUFFIX}")):
        with contextlib.suppress(OSError), path.open("r+b") as file:
            if _is_free(file):
                path.unlink(missing_ok=True)
            elif board := Board.opened(file):
                yield board


def _is_free(file: IO[bytes]) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
