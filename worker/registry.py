"""What workers tell producers: which destinations exist, and the limits to keep to."""

from __future__ import annotations

from typing import Any

import orjson
from redis import Redis

from schemas.identifier_places import hidden_places
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
        "identifiers": identifiers(destination),
        # Updates of an order are written down one by one as they are claimed, so they come one by one.
        "pack": 1 if destination.order_sync else pack_size(destination.batch_size),
        "encrypted": destination.require_encryption,
    }
    return orjson.dumps(limits).decode()


def identifiers(destination: Destination) -> dict[str, Any] | None:
    """Return what `tiktok_events.hashing` reads: None where a producer could not find all of them."""
    if any(hidden_places(destination.mapping)):
        return None
    return {
        "hash": destination.hash_at_door,
        "region": destination.mapping.region,
        "places": destination.identifier_places(),
    }
