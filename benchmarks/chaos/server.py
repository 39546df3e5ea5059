"""How does the Redis of a run live, die and come back?"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from worker import embedded

_START_SECONDS = 30.0


class RedisServer:
    """A Redis on a Unix socket in `folder`, its data in an append-only file that is synchronized every second."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._binary = embedded.find_server()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder / 'redis.sock'}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start on the data that is there; return when it has been read.

        Raises:
            NoServerError: it does not come up.
        """
        line = embedded.command(self._binary, self._folder)
        self._process = subprocess.Popen(line, stdin=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + _START_SECONDS
        with Redis.from_url(self.url, socket_timeout=1.0) as client:
            while not _answers(client):
                if self._process.poll() is not None or time.monotonic() > end:
                    raise embedded.NoServerError(f"Redis did not come up; its log is in {self._folder}")
                time.sleep(0.01)

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def version(self) -> str:
        """Return the version of the server."""
        with Redis.from_url(self.url) as client:
            return str(client.info("server")["redis_version"])


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
