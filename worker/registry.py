"""What workers tell producers: which destinations exist, and the limits to keep to."""

from __future__ import annotations

import orjson
from redis import Redis

from tiktok_events.keys import REGISTRY
from worker.config import Config, Destination
from worker.inbox import pack_size


def register(redis: Redis, config: Config) -> None:
    """Write down the destinations of `config`.

    One that a former configuration had stays: a producer that still sends to it must not lose its events, and
    `status` shows what waits there unread.
    """
    if config.destinations:
        redis.hset(REGISTRY, mapping={name: _limits(destination) for name, destination in config.destinations.items()})


def _limits(destination: Destination) -> str:
    limits = {
        "max_inbox": destination.max_inbox,
        "max_event_bytes": destination.max_event_bytes,
        # Updates of an order are written down one by one as they are claimed, so they come one by one.
        "pack": 1 if destination.order_sync else pack_size(destination.batch_size),
    }
    return orjson.dumps(limits).decode()
