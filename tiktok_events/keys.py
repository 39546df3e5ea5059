"""What are the names that producers and workers share?

Every other Redis key belongs to the worker alone. All keys of one destination carry the same
hash tag, the destination's name in braces, so that a Redis Cluster keeps them on one node.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

PREFIX = "tiktok-events"

#: HASH, destination name → JSON ``{"max_inbox": int, "max_event_bytes": int, "pack": int, "encrypted": bool}``; workers
#: write it at start.
#: ``pack`` is how many events they read from one entry; where it is absent, packs are not understood.
#: ``identifiers`` is which places of an event are to be hashed; see ``tiktok_events.hashing``.
REGISTRY = f"{PREFIX}:destinations"

#: The Celery queue that the workers read.
CELERY_QUEUE = "tiktok-events"

#: The Celery task that takes ``(destination, event)`` and puts the event into the inbox.
ENQUEUE_TASK = "tiktok_events.enqueue"

#: The Celery task that takes ``(destination,)`` and delivers what lies in its inbox.
DELIVER_TASK = "tiktok_events.deliver"

_DESTINATION = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def check_destination(name: object) -> str:
    """Returns the name of a destination if it may be one.

    The characters are limited because the name is part of Redis keys, of metric labels and of
    command lines.

    Raises:
        ValueError: without the name itself, for it may be anything that was passed by mistake.
    """
    if not isinstance(name, str) or not _DESTINATION.fullmatch(name):
        raise ValueError(
            "a destination's name has 1 to 63 characters of a-z, 0-9, - and _, and starts with a letter or a digit"
        )
    return name


def inbox(destination: str) -> str:
    """Returns the key of the stream that holds a destination's waiting events.

    Owner: producers add, workers take and delete. It ends when it is empty.
    """
    return f"{PREFIX}:{{{destination}}}:inbox"


def bulk(destination: str) -> str:
    """Returns the key of the stream whose entries are packs: many waiting events each.

    Owner: producers add, workers take and delete. It ends when it is empty.
    """
    return f"{PREFIX}:{{{destination}}}:bulk"


def bulk_size(destination: str) -> str:
    """Returns the key that counts the events in a destination's packs, for a stream counts entries only.

    Owner: producers add, workers subtract. It ends never.
    """
    return f"{PREFIX}:{{{destination}}}:bulk:size"


def woken(destination: str) -> str:
    """Returns the key that says a wake-up was just sent. Owner: producers. It ends after a second."""
    return f"{PREFIX}:{{{destination}}}:woken"


def embedded_socket() -> Path:
    """Returns the Unix socket of the embedded Redis, which a worker starts when ``REDIS_URL`` is unset."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / PREFIX / "redis.sock"
