"""How updates of orders are claimed: by one worker at a time, each written down before the next claim.

Two workers that claimed at once could learn of a newer update before they learn of the older one. Claiming and
writing down takes milliseconds, sending takes far longer, so that one at a time costs no throughput.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from schemas import EventMapper
from schemas.order_sync import OrderUpdate
from worker.config import Destination
from worker.inbox import Inbox, Lock, Taken, Terms
from worker.keys import Keys
from worker.orders.book import OrderBook
from worker.preparation import Prepared, prepare
from worker.scripts import run

_PATIENCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class OrderIntake:
    """Claims like an :class:`~worker.inbox.Inbox`, with every update written down in the book.

    A worker that dies between claim and book leaves the lock behind until what it held can be taken back, so that
    nothing newer is claimed before: the lock lives a second longer than `take_back_after`, counted from the claim, and
    taking back comes before claiming.
    """

    inbox: Inbox
    book: OrderBook
    redis: Redis
    keys: Keys
    destination: Destination
    mapper: EventMapper
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def take(self, token: str, terms: Terms) -> Taken:
        """Return what is to be delivered next, written down; nothing while others are claiming all the time."""
        lives_ms = int((self.destination.take_back_after_seconds + 1) * 1000)
        lock = Lock(self.keys.intake, secrets.token_hex(8), lives_ms)
        if not self._lock(lock):
            self.redis.zrem(self.keys.slices, token)
            return Taken("full", 0.0, [], more=False)
        # No `finally`: after a failure nobody knows what was claimed, and the lock has to hold until it is taken back.
        taken = self.inbox.take(token, terms, lock=lock)
        now = self.clock()
        updates = [
            (each, update)
            for each in taken.batch
            if isinstance(ready := prepare(each, self.destination, self.mapper, now=now), Prepared)
            for update in ready.items
            if isinstance(update, OrderUpdate)
        ]
        if updates and not self.book.register(updates, token=lock.token):
            # This worker stood still for longer than the lock lives. What it claimed will be taken back.
            return Taken("full", 0.0, [], more=False)
        run(self.redis, "unlock", [lock.key], [lock.token])
        return taken

    def _lock(self, lock: Lock) -> bool:
        waited = 0.0
        while not self.redis.set(lock.key, lock.token, nx=True, px=lock.lives_ms):
            if waited >= _PATIENCE_SECONDS:
                return False
            self.sleep(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
        return True
