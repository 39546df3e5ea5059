"""Which rate limit is in force for a destination, as far as one can say."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis

from worker.config import Destination
from worker.limiter import Limiter, scope


def in_force(redis: Redis, destinations: Iterable[Destination]) -> dict[str, float]:
    """Return the share of its rate limit that is in force, by destination.

    Only for those whose events all go to one event source: the others have a limit for each source that an event
    has ever named.
    """
    limiter = Limiter(redis)
    shares = {}
    for destination in destinations:
        if destination.has_one_source and destination.event_set is None:
            shares[destination.name] = min(limiter.in_force(each) for each in scopes(destination))
    return shares


def scopes(destination: Destination) -> list[str]:
    """Return the names of the limits that the requests of a destination with one event source are counted under."""
    fingerprint = destination.credentials.fingerprint()
    if destination.order_sync is not None:
        return [scope(fingerprint, "", destination.order_sync.url)]
    source = destination.mapping.event_source_id
    paths = ("offline/track/", "offline/batch/") if destination.mapping.kind == "offline" else ("event/track/",)
    return [scope(fingerprint, source, path) for path in paths]
