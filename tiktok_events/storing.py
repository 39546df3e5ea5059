"""How do events get into a destination's inbox, whether the app blocks or has an event loop?

Each step is written once, as a coroutine; ``tiktok_events.blocking`` says how one runs without a loop.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError, ResponseError

from tiktok_events import keys
from tiktok_events.commands import Word
from tiktok_events.connecting import Connector
from tiktok_events.connections import Connections, Question
from tiktok_events.errors import EncryptionRequired, EnqueueError, InboxFull, Unavailable
from tiktok_events.hashing import Hashing
from tiktok_events.items import new_item
from tiktok_events.links import Way
from tiktok_events.packing import Chunk
from tiktok_events.registry import Limits, Registry
from tiktok_events.sealing import VARIABLE
from tiktok_events.settings import Settings
from tiktok_events.trace import Publishing, publishing
from tiktok_events.wake import DEDUPLICATION_MS, Waker

SCRIPT = files("tiktok_events").joinpath("enqueue.lua").read_bytes()
# Redis names a script by its SHA-1; nothing depends on nobody finding another with the same.
_SCRIPT_SHA = sha1(SCRIPT, usedforsecurity=False).hexdigest()

#: Of the time-out of an answer: that of the replicas must come before it.
_SHARE_FOR_REPLICAS = 0.8


class Sent(NamedTuple):
    """Events on their way, until the answer says how many were stored."""

    question: Question
    head: tuple[Word, ...]
    tail: list[Word]
    chunk: Chunk
    limits: Limits
    pack: int
    spans: Publishing


class Storing:
    """The steps of a producer, with connections of its own."""

    def __init__(self, settings: Settings, way: Way) -> None:
        self._settings = settings
        self._way = way
        self._connections = Connections(
            Connector(settings.address, way, timeout_seconds=settings.timeout_seconds),
            replicas=settings.address.wait_replicas,
            replicas_within_seconds=settings.timeout_seconds * _SHARE_FOR_REPLICAS,
        )
        self._registry = Registry(self._fetch_registry)

    async def one(self, event: dict[str, Any], *, destination: str, event_id: str | None) -> str:
        """Stores one event and returns its id; see ``Producer.enqueue``."""
        deadline = self._deadline()
        limits = await self._limits(destination, deadline)
        encoded, chosen_id = new_item(event, event_id, max_bytes=limits.max_event_bytes, hashing=self._hashing(limits))
        chunk = Chunk([encoded], [chosen_id])
        if not await self.stored(await self.send(destination, chunk, limits, pack=1, deadline=deadline)):
            raise full(destination, limits)
        if self._settings.waker is not None:
            await self._wake(destination, self._settings.waker)
        return chosen_id

    async def many(
        self, events: Iterable[dict[str, Any]] | AsyncIterable[dict[str, Any]], *, destination: str
    ) -> list[str]:
        """Stores events in their order and returns their ids; see ``Producer.enqueue_many``."""
        passage = Passage(self, destination)
        try:
            limits = await self._limits(destination, self._deadline())
            hashing = self._hashing(limits)
            waiting = Chunk([], [])
            try:
                if isinstance(events, AsyncIterable):
                    async for event in events:
                        encoded, event_id = new_item(event, None, max_bytes=limits.max_event_bytes, hashing=hashing)
                        if not waiting.has_room(encoded):
                            sent, waiting = waiting, Chunk([], [])
                            await passage.send(sent, limits)
                        waiting.add(encoded, event_id)
                else:
                    for event in events:
                        encoded, event_id = new_item(event, None, max_bytes=limits.max_event_bytes, hashing=hashing)
                        if not waiting.has_room(encoded):
                            sent, waiting = waiting, Chunk([], [])
                            await passage.send(sent, limits)
                        waiting.add(encoded, event_id)
            finally:
                # Empty if it was the sending that failed: nothing is ever sent twice.
                await passage.send(waiting, limits)
                await passage.settle()
        except EnqueueError as error:
            error.stored, error.ids = len(passage.ids), passage.ids
            raise
        finally:
            if passage.ids and self._settings.waker is not None:
                await self._wake(destination, self._settings.waker)
        return passage.ids

    async def close(self) -> None:
        """Closes the connections; the next event makes new ones."""
        await self._connections.close()

    async def send(
        self, destination: str, chunk: Chunk, limits: Limits, *, pack: int, deadline: float | None = None
    ) -> Sent:
        """Sends one call of the script; ``stored`` has to follow."""
        key = keys.inbox(destination)
        spans = publishing(key, chunk)
        head = (3, key, keys.bulk(destination), keys.bulk_size(destination), limits.max_inbox)
        words = chunk.words(pack=pack, destination=destination, keyring=self._settings.keyring)
        tail = [spans.begin(), *words]
        try:
            question = await self._connections.ask(
                key, "EVALSHA", _SCRIPT_SHA, *head, tail=tail, deadline=deadline or self._deadline(), writes=True
            )
        except BaseException:
            spans.end(failed=True)
            raise
        return Sent(question, head, tail, chunk, limits, pack, spans)

    async def stored(self, sent: Sent) -> int:
        """Returns how many of the sent events, the first ones, were stored."""
        found: int
        failed = True
        try:
            try:
                found = await self._connections.answer(sent.question, deadline=self._deadline())
            except NoScriptError:  # a new or restarted server; EVAL makes it remember
                found = await self._connections.call(
                    sent.question.key,
                    "EVAL",
                    SCRIPT,
                    *sent.head,
                    tail=sent.tail,
                    deadline=self._deadline(),
                    writes=True,
                )
            failed = False
        except ResponseError as error:
            raise _refused(error) from None
        finally:
            sent.spans.end(failed=failed)
        return found

    def _deadline(self) -> float:
        return time.monotonic() + self._settings.timeout_seconds

    async def _limits(self, destination: str, deadline: float) -> Limits:
        limits = await self._registry.limits(destination, deadline=deadline)
        own = self._settings
        if limits.encrypted and own.keyring is None:
            raise EncryptionRequired(f"{destination} takes sealed events only: set {VARIABLE} where this app runs")
        if own.max_inbox is not None:
            limits = replace(limits, max_inbox=own.max_inbox)
        if own.max_event_bytes is not None:
            limits = replace(limits, max_event_bytes=own.max_event_bytes)
        return limits

    def _hashing(self, limits: Limits) -> Hashing | None:
        found = limits.hashing
        if found is None:
            if self._settings.hash_identifiers:
                raise Unavailable("no worker has said yet which fields hold identifiers, and nothing goes in clear")
            return None
        return found if found.always or self._settings.hash_identifiers else None

    async def _fetch_registry(self, deadline: float) -> Mapping[bytes, bytes]:
        key = keys.REGISTRY
        try:
            answer = await self._connections.call(key, "HGETALL", key, deadline=deadline, writes=False)
        except ResponseError as error:
            raise _refused(error) from None
        return dict(zip(answer[::2], answer[1::2], strict=True))

    async def _wake(self, destination: str, waker: Waker) -> None:
        if waker.rests:
            return
        key = keys.woken(destination)
        try:
            first = await self._connections.call(
                key, "SET", key, 1, "NX", "PX", DEDUPLICATION_MS, deadline=self._deadline(), writes=False
            )
        except (Unavailable, ResponseError):
            return
        if first:
            await self._way.run_aside(lambda: waker.wake(destination))


class Passage:
    """The events of one ``enqueue_many``; while Redis stores some, the next ones are encoded.

    Attributes:
        ids: those of the events that were certainly stored.
    """

    def __init__(self, storing: Storing, destination: str) -> None:
        self.ids: list[str] = []
        self._storing = storing
        self._destination = destination
        self._sent: Sent | None = None

    async def send(self, chunk: Chunk, limits: Limits) -> None:
        """Sends events on their way when those before them have arrived."""
        await self.settle()
        if chunk:
            self._sent = await self._storing.send(self._destination, chunk, limits, pack=limits.pack)

    async def settle(self) -> None:
        """Waits for the events on their way, if there are any; keeps ``ids`` true where an error ends it."""
        sent, self._sent = self._sent, None
        while sent is not None:
            stored = await self._storing.stored(sent)
            self.ids += sent.chunk.ids[:stored]
            rest = sent.chunk.after(stored)
            if not rest:
                return
            if not stored and sent.pack == 1:
                raise full(self._destination, sent.limits)
            # Where a whole pack has no room, its first events may have some.
            sent = await self._storing.send(self._destination, rest, sent.limits, pack=1)


def full(destination: str, limits: Limits) -> InboxFull:
    """Returns what a full inbox is called."""
    return InboxFull(f"the inbox of {destination} holds {limits.max_inbox} events: wait and try again")


def _refused(error: ResponseError) -> Unavailable:
    """Keeps the kind of a refusal only: its text may repeat the arguments of the command."""
    kind = type(error).__name__
    if type(error) is ResponseError:
        kind = str(error).partition(" ")[0]
        # redis-py takes the commonest kind away, and leaves the text.
        kind = kind if kind.isupper() else "ERR"
    return Unavailable(f"Redis refuses ({kind})")
