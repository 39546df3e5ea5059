"""How does an app put events into a destination's inbox?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from hashlib import sha1
from importlib.resources import files
from types import TracebackType
from typing import Any, cast

from redis.exceptions import NoScriptError, ResponseError

from tiktok_events import keys
from tiktok_events.addresses import choose_url, parse_address
from tiktok_events.connections import Connections
from tiktok_events.encoding import encode_event
from tiktok_events.errors import EnqueueError, InboxFull, InvalidEvent, Unavailable
from tiktok_events.identity import event_identity, id_fault
from tiktok_events.registry import Limits, Registry
from tiktok_events.trace import publishing
from tiktok_events.wake import DEDUPLICATION_MS, Waker

_SCRIPT = files("tiktok_events").joinpath("enqueue.lua").read_bytes()
# Redis names a script by its SHA-1; nothing depends on nobody finding another with the same.
_SCRIPT_SHA = sha1(_SCRIPT, usedforsecurity=False).hexdigest()

#: One call of the script stops Redis for about a millisecond at this size.
_CHUNK_EVENTS = 500
_CHUNK_BYTES = 1_048_576

_Item = tuple[bytes, str]


class Producer:
    """Puts events into inboxes. Threads may share one; a forked child may go on using its parent's.

    Nothing is connected before the first event. A call waits for ``timeout_seconds`` before it sends
    and as long again for the answer: under a second by default.

    Args:
        redis_url: see ``tiktok_events.addresses``; default: ``REDIS_URL``, else the server that a
            worker on this machine brings along.
        timeout_seconds: see above.
        max_event_bytes: how many bytes of JSON one event may have; default: what the workers say,
            else 262,144.
        max_inbox: how many events may wait in one inbox; default: what the workers say, else
            1,000,000.
        wake: whether to tell a worker at once through Celery (extra ``celery``). Workers find events
            without it.

    Raises:
        Unavailable: the URL is none.
        EnqueueError: ``wake`` without Celery.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        timeout_seconds: float = 0.5,
        max_event_bytes: int | None = None,
        max_inbox: int | None = None,
        wake: bool = False,
    ) -> None:
        url = choose_url(redis_url)
        try:
            address = parse_address(url)
        except ValueError as error:
            raise Unavailable(str(error)) from None
        self._timeout_seconds = timeout_seconds
        self._max_event_bytes = max_event_bytes
        self._max_inbox = max_inbox
        self._connections = Connections(address, timeout_seconds=timeout_seconds)
        self._registry = Registry(self._fetch_registry)
        self._waker = Waker(url, timeout_seconds=timeout_seconds) if wake else None

    def enqueue(self, event: dict[str, Any], *, destination: str, event_id: str | None = None) -> str:
        """Stores one event and returns its id.

        Args:
            event: a JSON object, in the form that the destination's source has.
            destination: a name in the workers' configuration.
            event_id: the id to use; default: the event's own, else one derived from its content (see
                ``tiktok_events.identity``).

        Raises:
            EnqueueError: one of its kinds, by what to do next.
        """
        deadline = time.monotonic() + self._timeout_seconds
        limits = self._limits(destination, deadline)
        item = _item(event, event_id, limits)
        if not self._add(destination, [item], limits, deadline):
            raise _full(destination, limits)
        self._wake(destination)
        return item[1]

    def enqueue_many(self, events: Iterable[dict[str, Any]], *, destination: str) -> list[str]:
        """Stores events in their order, many in one round trip, and returns their ids.

        ``events`` may be a generator; at most 500 events or a mebibyte are held at a time. When one
        is refused, those before it are stored and it and those after it are not: the error's
        ``stored`` says where to go on. An exception that ``events`` itself raises passes through in
        the same way: what it yielded before has been stored.

        Raises:
            EnqueueError: as ``enqueue``, with ``stored`` and ``ids``.
        """
        ids: list[str] = []
        try:
            limits = self._limits(destination, time.monotonic() + self._timeout_seconds)
            waiting: list[_Item] = []
            waiting_bytes = 0
            try:
                for event in events:
                    item = _item(event, None, limits)
                    if len(waiting) >= _CHUNK_EVENTS or waiting_bytes + len(item[0]) > _CHUNK_BYTES:
                        chunk, waiting, waiting_bytes = waiting, [], 0
                        self._add_all(destination, chunk, limits, ids)
                    waiting.append(item)
                    waiting_bytes += len(item[0])
            finally:
                # Empty if it was the sending that failed: nothing is ever sent twice.
                self._add_all(destination, waiting, limits, ids)
        except EnqueueError as error:
            error.stored, error.ids = len(ids), ids
            raise
        finally:
            if ids:
                self._wake(destination)
        return ids

    def close(self) -> None:
        """Closes the connections. A later call makes new ones."""
        self._connections.close()

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _limits(self, destination: str, deadline: float) -> Limits:
        limits = self._registry.limits(destination, deadline=deadline)
        if self._max_inbox is None and self._max_event_bytes is None:
            return limits
        return Limits(
            max_inbox=limits.max_inbox if self._max_inbox is None else self._max_inbox,
            max_event_bytes=limits.max_event_bytes if self._max_event_bytes is None else self._max_event_bytes,
        )

    def _fetch_registry(self, deadline: float) -> Mapping[bytes, bytes]:
        try:
            answer = self._connections.call(keys.REGISTRY, "HGETALL", keys.REGISTRY, deadline=deadline, writes=False)
        except ResponseError as error:
            raise _refused(error) from None
        return dict(zip(answer[::2], answer[1::2], strict=True))

    def _add_all(self, destination: str, items: list[_Item], limits: Limits, ids: list[str]) -> None:
        """Stores all items and appends their ids, also where an error ends it half-way."""
        while items:
            stored = self._add(destination, items, limits, time.monotonic() + self._timeout_seconds)
            ids += [event_id for _, event_id in items[:stored]]
            if not stored:
                raise _full(destination, limits)
            items = items[stored:]

    def _add(self, destination: str, items: list[_Item], limits: Limits, deadline: float) -> int:
        """Sends one call of the script and returns how many of the items, the first ones, it stored."""
        key = keys.inbox(destination)
        with publishing(key, items) as traceparent:
            arguments: list[str | bytes | int] = [1, key, limits.max_inbox, traceparent]
            for item in items:
                arguments += item
            return self._run(key, arguments, deadline)

    def _run(self, key: str, arguments: list[str | bytes | int], deadline: float) -> int:
        try:
            try:
                stored = self._connections.call(key, "EVALSHA", _SCRIPT_SHA, *arguments, deadline=deadline, writes=True)
            except NoScriptError:  # a new or restarted server; EVAL makes it remember
                stored = self._connections.call(key, "EVAL", _SCRIPT, *arguments, deadline=deadline, writes=True)
        except ResponseError as error:
            raise _refused(error) from None
        return cast(int, stored)

    def _wake(self, destination: str) -> None:
        if self._waker is None or self._waker.rests:
            return
        key, deadline = keys.woken(destination), time.monotonic() + self._timeout_seconds
        try:
            first = self._connections.call(
                key, "SET", key, 1, "NX", "PX", DEDUPLICATION_MS, deadline=deadline, writes=False
            )
        except (Unavailable, ResponseError):
            return
        if first:
            self._waker.wake(destination)


def _item(event: dict[str, Any], event_id: str | None, limits: Limits) -> _Item:
    encoded = encode_event(event, max_bytes=limits.max_event_bytes)
    if event_id is None:
        return encoded, event_identity(event)
    if not isinstance(event_id, str) or not event_id.strip():
        raise InvalidEvent("event_id: not a text, or blank")
    if fault := id_fault(event_id.strip()):
        raise InvalidEvent(f"event_id: {fault}")
    return encoded, event_id.strip()


def _full(destination: str, limits: Limits) -> InboxFull:
    return InboxFull(f"the inbox of {destination} holds {limits.max_inbox} events: wait and try again")


def _refused(error: ResponseError) -> Unavailable:
    """Keeps the kind of a refusal only: its text may repeat the arguments of the command."""
    kind = type(error).__name__ if type(error) is not ResponseError else str(error).partition(" ")[0]
    return Unavailable(f"Redis refuses ({kind})")
