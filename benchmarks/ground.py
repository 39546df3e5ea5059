"""Where does everything stand: one Redis, one sink, one folder, and the environment of the workers?

Events lie ready in database 1, made once and copied into database 0 for each run.
"""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from redis import Redis

from benchmarks.chaos.fleet import ROOT
from benchmarks.chaos.server import RedisServer
from benchmarks.processes import cpu_seconds

DESTINATION = "stores"
_PREPARED = 1
_PACKAGES = ("tiktok_events", "schemas", "worker", "tasks", "benchmarks")
_CONFIGURATION = """
[credentials.main]
access_token = "${{TIKTOK_ACCESS_TOKEN}}"
"""
_DESTINATION = """
[destinations.{name}]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "7654321098765432109"
base_url = "{url}"
default_region = "US"
"""


class UnfinishedError(Exception):
    """A run did not come to its end; the text says which."""


class Ground:
    """Redis with AOF everysec and a sink on loopback, while the block lasts. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = RedisServer(folder / "redis")
        self._stack = ExitStack()
        self._session = requests.Session()
        self._distant_url: str | None = None

    def __enter__(self) -> Self:
        for package in _PACKAGES:
            # As after any installation: Celery was compiled when it was installed, too.
            compileall.compile_dir(ROOT / package, quiet=1)
        with self._stack:
            self._stack.enter_context(self._server)
            line = [sys.executable, "-m", "benchmarks.sink"]
            sink = self._stack.enter_context(subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True))
            self._stack.callback(sink.kill)
            assert sink.stdout is not None
            self.sink_url = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
            self.redis = self._stack.enter_context(Redis.from_url(self.redis_url))
            self._prepared = self._stack.enter_context(Redis.from_url(f"{self.redis_url}?db={_PREPARED}"))
            # What lies ready would be written out with every rewrite, which no real Redis has to do.
            self.redis.config_set("auto-aof-rewrite-percentage", 0)
            self.redis_process = int(self.redis.info("server")["process_id"])
            self.write_configuration(DESTINATION)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
        self._stack.close()

    @property
    def redis_url(self) -> str:
        """The URL of Redis, database 0."""
        return self._server.url

    @property
    def redis_socket(self) -> str:
        """The path of its socket."""
        return self._server.url.removeprefix("unix://")

    @property
    def broker_url(self) -> str:
        """The URL of Redis in Celery's spelling."""
        return self._server.url.replace("unix://", "redis+socket://", 1)

    @contextmanager
    def workers_reach_redis_at(self, url: str) -> Iterator[None]:
        """Send the workers another way to Redis while the block lasts."""
        self._distant_url = url
        try:
            yield
        finally:
            self._distant_url = None

    def write_configuration(self, *names: str, settings: str = "", url: str | None = None) -> None:
        """Write a configuration with these destinations, all with the same settings; the sink is behind them."""
        parts = [_DESTINATION.format(name=name, url=url or self.sink_url) + settings for name in names]
        (self.folder / "destinations.toml").write_text(_CONFIGURATION.format() + "".join(parts))

    def environment(self) -> dict[str, str]:
        """Return the environment of every worker."""
        return {
            **os.environ,
            "REDIS_URL": self._distant_url or self.redis_url,
            "CELERY_BROKER_URL": "",
            "TIKTOK_EVENTS_CONFIG": str(self.folder / "destinations.toml"),
            "TIKTOK_ACCESS_TOKEN": "token-of-the-benchmark",
            "TIKTOK_EVENTS_ENCRYPTION_KEYS": "",
            "SENTRY_DSN": "",
            "BENCH_BROKER_URL": self._distant_url or self.broker_url,
            "BENCH_SINK_URL": self.sink_url,
            "PYTHONPATH": str(ROOT),
        }

    def clear(self, *, delay_seconds: float = 0.0) -> None:
        """Empty database 0 and the sink's record; the sink's answers take `delay_seconds` from now on."""
        self.redis.flushdb()
        self.forget(delay_seconds=delay_seconds)

    def forget(self, *, delay_seconds: float = 0.0) -> None:
        """Empty the sink's record; its answers take `delay_seconds` from now on."""
        self._session.put(self.sink_url, json={"delay_seconds": delay_seconds}, timeout=5).raise_for_status()

    def prepare(self, name: str, key: str, make: Callable[[], object]) -> None:
        """Put `key` of database 0 in place as `make` once made it; `name` says what it is."""
        if not self._prepared.exists(name):
            make()
            self.redis.copy(key, name, destination_db=_PREPARED)
        else:
            self._prepared.copy(name, key, destination_db=0, replace=True)

    def record(self) -> dict[str, Any]:
        """Return the sink's record."""
        told: dict[str, Any] = self._session.get(self.sink_url, timeout=5).json()
        return told

    def arrived(self) -> int:
        """Return how many events the sink has."""
        return sum(count for _, count in self.record()["arrivals"])

    def cpu_of_redis(self) -> float:
        """Return the CPU seconds that Redis has used. Linux only."""
        return cpu_seconds([self.redis_process])


def wait(done: Callable[[], bool], *, seconds: float, what: str, every: float = 0.05) -> None:
    """Wait until `done`.

    Raises:
        UnfinishedError: it did not come within `seconds`.
    """
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise UnfinishedError(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
