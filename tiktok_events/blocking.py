"""How do the steps of a producer run in a program without an event loop?

What a producer does is written once, as coroutines. Over the links here nothing in them ever waits
for an event loop, so that a coroutine runs from its start to its end in one go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tiktok_events.links import Link, OutOfTime, Way, unnamed

_Found = TypeVar("_Found")


def run(steps: Coroutine[Any, Any, _Found]) -> _Found:
    """Runs a coroutine that never waits for an event loop, and returns what it returns."""
    try:
        steps.send(None)
    except StopIteration as end:
        found: _Found = end.value
        return found
    steps.close()
    raise RuntimeError("a step of a blocking producer waits for an event loop")


class BlockingLink:
    """One of redis-py's connections."""

    def __init__(self, link_class: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self._connection = unnamed(link_class(**options, retry=Retry(NoBackoff(), 0)))
        self.host: str = getattr(self._connection, "host", "")

    async def open(self) -> None:
        self._connection.connect()

    async def send(self, pieces: list[bytes]) -> None:
        self._connection.send_packed_command(pieces, check_health=False)

    async def read(self) -> Any:
        return self._connection.read_response()

    async def is_usable(self) -> bool:
        try:
            return not self._connection.can_read()
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        self._connection.disconnect()


async def open_in_time(open_link: Callable[[], Coroutine[Any, Any, Link]], within_seconds: float) -> Link:
    """Opens a link in a thread that is given up when the time is over.

    No socket time-out covers the look-up of a host's name, several addresses of one host, a TLS
    handshake and a sign-in together. This happens once a connection, not once an event.

    Raises:
        OutOfTime: it is not open yet.
    """
    future: Future[Link] = Future()

    def work() -> None:
        try:
            link = run(open_link())
        except BaseException as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        if future.set_running_or_notify_cancel():
            future.set_result(link)
        else:  # nobody waits any more
            run(link.close())

    try:
        threading.Thread(target=work, name="tiktok-events-connect", daemon=True).start()
    except RuntimeError:  # the interpreter is shutting down and starts no threads
        return await open_link()
    try:
        return future.result(timeout=max(0.0, within_seconds))
    except FutureTimeoutError:
        # Python 3.11 and newer have one class for this and for a socket's time-out inside.
        if future.cancel():
            raise OutOfTime from None
        try:
            return future.result()
        except FutureTimeoutError:
            raise OutOfTime from None


async def run_aside(work: Callable[[], None]) -> None:
    """Runs a function that may block for a moment, as the whole producer does."""
    work()


BLOCKING = Way(BlockingLink, open_in_time, run_aside)
