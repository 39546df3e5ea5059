"""How does the dead letter of an event that named no destination of ours come to one?

First it is a dead letter there, then it is none here. So a crash in between leaves it in both places, and moving it
again ends in one: it keeps its ref, and its id, by which the ledger knows it if it was sent meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import orjson
from redis import Redis

from tiktok_events import EnqueueError
from tiktok_events.hashing import read_hashing
from worker.config import Destination
from worker.dead_letters import Changes, DeadLetter
from worker.keys import UNKNOWN, Keys
from worker.people import index_of
from worker.registry import identifiers

MOVED = "moved"
GONE = "gone meanwhile"
LOCKED = "sealed with a key that is not here"
IN_CLEAR = "not hashed as this destination asks for, and not moved"


def move(redis: Redis, letters: Iterable[DeadLetter], target: Destination) -> Counter[str]:
    """Make dead letters of `_unknown` dead letters of `target`, with their age and reason; a replay sends them.

    Returns:
        what became of how many: one of the words above for each.
    """
    told: Counter[str] = Counter()
    ready: list[tuple[DeadLetter, DeadLetter]] = []
    for letter in letters:
        if letter.envelope.locked is not None:
            told[LOCKED] += 1
            continue
        payload = _as_stored(letter.envelope.payload, target)
        if payload is None:
            told[IN_CLEAR] += 1
            continue
        # The seal binds an event to its destination: there it gets another one.
        envelope = replace(letter.envelope, payload=payload, sealed=None)
        ready.append((letter, replace(letter, destination=target.name, envelope=envelope)))
    there = Changes(redis, Keys(target.name))
    for _, moved in ready:
        there.add(moved)
    index_of(redis, target.name, target).note([moved.envelope for _, moved in ready])
    gone = Changes(redis, Keys(UNKNOWN)).discard((letter for letter, _ in ready), counter="moved")
    told[MOVED] += gone
    told[GONE] += len(ready) - gone
    return +told


def _as_stored(payload: bytes, target: Destination) -> bytes | None:
    """Return the event as a producer would have stored it there, or None where it cannot be hashed as it should."""
    if not target.hash_at_door:
        return payload
    hashing = read_hashing(identifiers(target))
    try:
        event = orjson.loads(payload)
        return orjson.dumps(hashing.hashed(event)) if hashing and isinstance(event, dict) else None
    except (orjson.JSONDecodeError, EnqueueError):
        return None
