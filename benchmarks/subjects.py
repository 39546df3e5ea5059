"""Who is compared with whom: what are they given, and what works on it?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from celery import Celery

from benchmarks import limit
from benchmarks.ground import DESTINATION, Ground
from benchmarks.order import orders
from benchmarks.processes import SLOTS, Group, celery_worker
from benchmarks.usual import BATCHES, NAIVE, task_of
from tiktok_events import Producer
from tiktok_events.keys import REGISTRY
from tiktok_events.sealing import VARIABLE
from worker.keys import Keys

_LIMIT_STREAM = "limit"
_INSTALL_SECONDS = 120


class NotInstalledError(Exception):
    """celery-batches cannot be had here."""


class Subject(Protocol):
    """Something that delivers orders to the sink."""

    name: str

    def fill(self, ground: Ground, count: int) -> None:
        """Let `count` orders wait in an otherwise empty database."""

    def workers(self, ground: Ground) -> Group:
        """Return what delivers them, not started yet."""

    def left(self, ground: Ground) -> int:
        """Return how many have not been taken off Redis."""


class Ours:
    """This project's worker, everything switched on."""

    def __init__(self, *, bulk: bool, keys: str = "") -> None:
        self.name = "ours, by enqueue_many" if bulk else "ours"
        self.name += ", sealed" if keys else ""
        self._bulk = bulk
        self._keys = keys

    def fill(self, ground: Ground, count: int) -> None:
        """Enqueue through the client: one by one, or in bulk."""

        keys = Keys(DESTINATION)

        def enqueue() -> None:
            with _environment(self._keys), Producer(ground.redis_url, max_inbox=count) as producer:
                for order in orders(count):
                    producer.enqueue(order, destination=DESTINATION)

        def enqueue_many() -> None:
            # What workers tell producers at their start: that they read packs.
            ground.redis.hset(REGISTRY, DESTINATION, '{"pack":100}')
            with _environment(self._keys), Producer(ground.redis_url, max_inbox=count) as producer:
                producer.enqueue_many(orders(count), destination=DESTINATION)

        if self._bulk:
            ground.prepare(f"{self.name}:{count}", keys.bulk, enqueue_many)
            ground.redis.set(keys.bulk_size, count)
        else:
            ground.prepare(f"{self.name}:{count}", keys.inbox, enqueue)

    def workers(self, ground: Ground) -> Group:
        """Return one Celery worker."""
        return _group(ground, "ours", [celery_worker(sys.executable, "worker")], keys=self._keys)

    def left(self, ground: Ground) -> int:
        """Return what the inbox holds: what is settled is deleted."""
        keys = Keys(DESTINATION)
        return int(ground.redis.xlen(keys.inbox)) + int(ground.redis.get(keys.bulk_size) or 0)


class Limit:
    """Two plain processes."""

    def __init__(self, batch: int = limit.BATCH) -> None:
        self.name = "limit" if batch == limit.BATCH else f"limit, {batch} a request"
        self._batch = batch

    def fill(self, ground: Ground, count: int) -> None:
        """Write what the client would write."""

        def add() -> None:
            with Producer(ground.redis_url, max_inbox=count) as producer:
                producer.enqueue_many(orders(count), destination=_LIMIT_STREAM)
            ground.redis.rename(Keys(_LIMIT_STREAM).inbox, _LIMIT_STREAM)
            ground.redis.xgroup_create(_LIMIT_STREAM, limit.GROUP, "0")

        ground.prepare(f"{self.name}:{count}", _LIMIT_STREAM, add)

    def workers(self, ground: Ground) -> Group:
        """Return two processes."""
        line = [sys.executable, "-m", "benchmarks.limit", ground.redis_url, _LIMIT_STREAM, ground.sink_url]
        return _group(ground, "limit", [[*line, str(self._batch)]] * SLOTS)

    def left(self, ground: Ground) -> int:
        """Return the length of the stream."""
        return int(ground.redis.xlen(_LIMIT_STREAM))


class OneTaskPerEvent:
    """A Celery worker whose messages carry the events."""

    def __init__(self, name: str, queue: str, interpreter: str = sys.executable) -> None:
        self.name = name
        self._queue = queue
        self._interpreter = interpreter

    def fill(self, ground: Ground, count: int) -> None:
        """Send a task for each event."""

        def send() -> None:
            delay = sender(ground, self._queue)
            for order in orders(count):
                delay(order)

        ground.prepare(f"{self.name}:{count}", self._queue, send)

    def workers(self, ground: Ground) -> Group:
        """Return one Celery worker."""
        line = celery_worker(self._interpreter, f"benchmarks.{self._queue}_app")
        return _group(ground, self._queue, [line])

    def left(self, ground: Ground) -> int:
        """Return the length of the queue and of what was handed out."""
        return int(ground.redis.llen(self._queue)) + int(ground.redis.hlen("unacked"))


ONE_TASK_PER_EVENT = OneTaskPerEvent("one task per event", NAIVE)


def batches(folder: Path) -> OneTaskPerEvent:
    """Return celery-batches, installed into `folder`.

    Raises:
        NotInstalledError: no package index has it, or none answers.
    """
    environment = folder / "celery-batches"
    interpreter = environment / "bin" / "python"
    packages = ["celery-batches>=0.11,<1", "celery[redis]", "packaging", "requests"]
    commands: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", environment],
        [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    ]
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalledError(f"celery-batches could not be installed ({type(error).__name__})") from None
    return OneTaskPerEvent("celery-batches", BATCHES, str(interpreter))


def sender(ground: Ground, queue: str) -> Callable[[object], object]:
    """Return the `.delay` of the task that `queue` holds, in an application of a producer."""
    app = Celery("producer", broker=ground.broker_url, set_as_current=False)
    app.conf.update(task_ignore_result=True, task_default_queue=queue)

    @app.task(name=task_of(queue))
    def send(event: object) -> None:
        """Run by the worker's application."""

    delay: Callable[[object], object] = send.delay
    return delay


@contextmanager
def _environment(keys: str) -> Iterator[None]:
    """Let producers that are made in the block have these keys."""
    os.environ[VARIABLE] = keys
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def _group(ground: Ground, name: str, commands: Sequence[Sequence[str]], *, keys: str = "") -> Group:
    environment = {**ground.environment(), VARIABLE: keys}
    return Group(commands, environment=environment, log=ground.folder / f"{name}.log")
