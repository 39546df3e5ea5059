"""Which events were delivered already, so that none is sent twice.

TikTok itself drops repeats of (event source, event, event id) for 48 hours; the ledger covers what comes later, and
spares the request. It keeps ten bytes of a digest for each event, in one set a day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from redis import Redis

from schemas import Item
from worker.keys import Keys
from worker.scripts import run


def digest(item: Item) -> bytes:
    """Return what the ledger keeps of an item: TikTok's own key for repeats, and whether it was a test."""
    told = "\0".join((item.event_source_id, item.event, item.event_id, item.test_event_code or ""))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=10).digest()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The delivered events of one destination. `lives_seconds` 0: there is no ledger."""

    redis: Redis
    keys: Keys
    lives_seconds: float

    def known(self, digests: Sequence[bytes], *, now: float) -> list[bool]:
        """Say of each digest whether it was delivered within the ledger's life."""
        if not self.lives_seconds or not digests:
            return [False] * len(digests)
        today = int(now // 86400)
        # One day ahead, too: another worker's clock may have reached it already.
        days = range(today - ceil(self.lives_seconds / 86400), today + 2)
        places = run(self.redis, "known", [self.keys.ledger(day) for day in days], list(digests))
        known = [False] * len(digests)
        for place in places:
            known[place] = True
        return known
