"""How do the steps of a producer run in an event loop?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tiktok_events.links import Link, OutOfTime, Way, unnamed

_KINDS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (Connection, SSLConnection, UnixDomainSocketConnection)
}


class LoopLink:
    """One of redis-py's asyncio connections; it belongs to the loop in which it was opened."""

    def __init__(self, link_class: Callable[..., Any], options: Mapping[str, Any]) -> None:
        # redis-py has the same names for both kinds of connection.
        self._connection = unnamed(_KINDS[link_class.__name__](**options, retry=Retry(NoBackoff(), 0)))
        self.host: str = getattr(self._connection, "host", "")
        # What it was called before redis-py 8.
        self._can_read = getattr(self._connection, "can_read", None) or self._connection.can_read_destructive

    async def open(self) -> None:
        await self._connection.connect()

    async def send(self, pieces: list[bytes]) -> None:
        await self._connection.send_packed_command(pieces, check_health=False)

    async def read(self) -> Any:
        return await self._connection.read_response()

    async def is_usable(self) -> bool:
        try:
            return self._connection.is_connected and not await self._can_read()
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        writer = getattr(self._connection, "_writer", None)
        await self._connection.disconnect(nowait=True)
        if writer is not None:
            # TLS says farewell first, and the loop may end before it is answered: the socket would stay open.
            writer.transport.abort()


async def open_in_time(open_link: Callable[[], Coroutine[Any, Any, Link]], within_seconds: float) -> Link:
    """Opens a link.

    Raises:
        OutOfTime: it is not open within so many seconds.
    """
    try:
        return await asyncio.wait_for(open_link(), max(0.0, within_seconds))
    except asyncio.TimeoutError:
        raise OutOfTime from None


async def run_aside(work: Callable[[], None]) -> None:
    """Runs a function that may block for a moment in a thread."""
    await asyncio.to_thread(work)


IN_A_LOOP = Way(LoopLink, open_in_time, run_aside)
