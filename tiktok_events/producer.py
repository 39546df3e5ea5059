"""How does an app put events into a destination's inbox?"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

from tiktok_events.blocking import BLOCKING, run
from tiktok_events.settings import read_settings
from tiktok_events.storing import Storing


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
        hash_identifiers: whether e-mail addresses, phone numbers and the like are hashed before anything leaves this
            process (extra ``hashing``). A destination with ``hash_at_door`` has it done in any case.

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
        settings = read_settings(
            redis_url, timeout_seconds, max_event_bytes, max_inbox, wake=wake, hash_identifiers=hash_identifiers
        )
        self._storing = Storing(settings, BLOCKING)

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
        return run(self._storing.one(event, destination=destination, event_id=event_id))

    def enqueue_many(self, events: Iterable[dict[str, Any]], *, destination: str) -> list[str]:
        """Stores events in their order, many in one round trip, and returns their ids.

        ``events`` may be a generator; at most 400 events or a mebibyte are held at a time. When one
        is refused, those before it are stored and it and those after it are not: the error's
        ``stored`` says where to go on. An exception that ``events`` itself raises passes through in
        the same way: what it yielded before has been stored.

        Raises:
            EnqueueError: as ``enqueue``, with ``stored`` and ``ids``.
        """
        return run(self._storing.many(events, destination=destination))

    def close(self) -> None:
        """Closes the connections. A later call makes new ones."""
        run(self._storing.close())

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
