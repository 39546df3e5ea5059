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
from worker.scripts import Call, run

DIGEST_BYTES = 10
"""The Lua scripts know it, too: they get the digests of a batch as one text."""


def digest(item: Item) -> bytes:
    """Return what the ledger keeps of an item: TikTok's own key for repeats, and whether it was a test."""
    key = item.key
    told = "\0".join((key.event_source_id, item.event, item.event_id, key.test_event_code or ""))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The delivered events of one destination. `lives_seconds` 0: there is no ledger."""

    redis: Redis
    keys: Keys
    lives_seconds: float

    def known(self, digests: Sequence[bytes], *, now: float) -> list[int]:
        """Return the places of those digests that were delivered within the ledger's life."""
        call = self.asking(digests, now=now)
        places: list[int] = run(self.redis, call.name, call.keys, call.args) if call else []
        return places

    def asking(self, digests: Sequence[bytes], *, now: float) -> Call | None:
        """Return the call of which the answer is what `known` returns, None where that is nothing in any case."""
        if not self.lives_seconds or not digests:
            return None
        today = int(now // 86400)
        # One day ahead, too: another worker's clock may have reached it already.
        days = range(today - ceil(self.lives_seconds / 86400), today + 2)
        return Call("known", [self.keys.ledger(day) for day in days], [b"".join(digests)])
