"""How does an app send events to TikTok? It enqueues them here; workers deliver them.

::

    from tiktok_events import enqueue

    event_id = enqueue({"event": "Order Completed", ...}, destination="stores")

``enqueue`` and ``enqueue_many`` use one producer per process, made at the first event from the
environment variable ``REDIS_URL``. An app that wants other settings makes its own ``Producer``.
Everything that can go wrong is an ``EnqueueError``; its kinds are in ``tiktok_events.errors``.

An app that speaks Celery already needs nothing of this package::

    celery_app.send_task(
        "tiktok_events.enqueue", args=["stores", event], queue="tiktok-events", argsrepr="('stores', ...)"
    )

Without ``argsrepr`` Celery writes the arguments, and so the person's e-mail address, in clear into
the message's headers, from where monitors and logs show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from tiktok_events.async_producer import AsyncProducer
from tiktok_events.errors import (
    EncryptionRequired,
    EnqueueError,
    EventTooLarge,
    InboxFull,
    InvalidEvent,
    Unavailable,
    UnknownDestination,
)
from tiktok_events.http_producer import HttpProducer
from tiktok_events.producer import Producer

__all__ = [
    "AsyncProducer",
    "EncryptionRequired",
    "EnqueueError",
    "EventTooLarge",
    "HttpProducer",
    "InboxFull",
    "InvalidEvent",
    "Producer",
    "Unavailable",
    "UnknownDestination",
    "enqueue",
    "enqueue_many",
]


@cache
def _producer() -> Producer:
    return Producer()


def enqueue(event: dict[str, Any], *, destination: str, event_id: str | None = None) -> str:
    """Stores one event and returns its id; see ``Producer.enqueue``."""
    return _producer().enqueue(event, destination=destination, event_id=event_id)


def enqueue_many(events: Iterable[dict[str, Any]], *, destination: str) -> list[str]:
    """Stores events in their order and returns their ids; see ``Producer.enqueue_many``."""
    return _producer().enqueue_many(events, destination=destination)
