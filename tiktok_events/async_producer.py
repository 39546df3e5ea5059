"""How does an asyncio app put events into a destination's inbox?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from tiktok_events.connections import MAX_IDLE_CONNECTIONS
from tiktok_events.errors import Unavailable
from tiktok_events.event_loop import IN_A_LOOP
from tiktok_events.settings import Settings, read_settings
from tiktok_events.storing import Storing


@dataclass(frozen=True, slots=True)
class _Home:
    """What belongs to one event loop: connections, and turns to use one.

    Thousands of requests at once would otherwise open thousands of connections, for a moment.
    """

    storing: Storing
    turns: asyncio.Semaphore

    @classmethod
    def new(cls, settings: Settings) -> _Home:
        return cls(Storing(settings, IN_A_LOOP), asyncio.Semaphore(MAX_IDLE_CONNECTIONS))

    async def take_turn(self, within_seconds: float) -> None:
        if not self.turns.locked():
            await self.turns.acquire()
            return
        try:
            await asyncio.wait_for(self.turns.acquire(), within_seconds)
        except asyncio.TimeoutError:
            raise Unavailable("Redis cannot be reached in time: all connections are in use") from None


class AsyncProducer:
    """A ``Producer`` for event loops: the same arguments, errors and guarantees.

    Tasks may share one, and so may several event loops, each of which has connections of its own.
    Leave it with ``async with``, or call ``aclose`` before the loop ends. Cancelling a call closes its
    connection; what was on its way may have been stored.

    Raises:
        Unavailable: the URL is none.
        EnqueueError: ``wake`` without Celery; encryption keys that cannot be used.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        timeout_seconds: float = 0.5,
        max_event_bytes: int | None = None,
        max_inbox: int | None = None,
        wake: bool = False,
        hash_identifiers: bool = False,
    ) -> None:
        self._settings = read_settings(
            redis_url, timeout_seconds, max_event_bytes, max_inbox, wake=wake, hash_identifiers=hash_identifiers
        )
        self._home_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Home] = WeakKeyDictionary()

    async def enqueue(self, event: dict[str, Any], *, destination: str, event_id: str | None = None) -> str:
        """Stores one event and returns its id; see ``Producer.enqueue``.

        At most 16 calls of one event loop are under way; the others wait for up to ``timeout_seconds``.
        """
        home = self._home()
        await home.take_turn(self._settings.timeout_seconds)
        try:
            return await home.storing.one(event, destination=destination, event_id=event_id)
        finally:
            home.turns.release()

    async def enqueue_many(
        self, events: Iterable[dict[str, Any]] | AsyncIterable[dict[str, Any]], *, destination: str
    ) -> list[str]:
        """Stores events in their order and returns their ids; see ``Producer.enqueue_many``."""
        return await self._home().storing.many(events, destination=destination)

    async def aclose(self) -> None:
        """Closes the connections of this event loop. A later call makes new ones."""
        await self._home().storing.close()

    async def __aenter__(self) -> AsyncProducer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _home(self) -> _Home:
        loop = asyncio.get_running_loop()
        found = self._home_of_loop.get(loop)
        if found is None:
            found = self._home_of_loop[loop] = _Home.new(self._settings)
        return found
