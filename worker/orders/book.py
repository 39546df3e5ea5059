"""Which updates of an order are under way, and which of them may be sent now."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis import Redis

from schemas.order_sync import OrderUpdate
from worker.inbox import Claimed
from worker.keys import Keys
from worker.scripts import run

_GIVEN_UP_AFTER_MS = 86_400_000
"""An update that nobody has heard of for a day holds its successors back no longer: somebody deleted it by hand.
Should it come after all, it is older than what was delivered, and is not sent."""

Decision = Literal["go", "wait", "superseded"]


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an update may be sent; with "wait", in how many seconds to ask again."""

    decision: Decision
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OrderBook:
    """What Redis knows of the orders of one destination."""

    redis: Redis
    keys: Keys
    lease_seconds: float
    remember_seconds: float

    def key(self, update: OrderUpdate) -> str:
        """Return the key of the order that an update is of. Ids stay out of keys."""
        return self.keys.order(hashlib.blake2b(update.order_id.encode(), digest_size=16).hexdigest())

    def register(self, updates: Sequence[tuple[Claimed, OrderUpdate]], *, token: str) -> bool:
        """Write claimed updates down, in their order, under the intake lock that `token` took.

        Returns False if the lock is no longer ours: then nothing is written and the updates must not be sent.
        """
        keys = [self.keys.intake, self.keys.order_refs, *(self.key(update) for _, update in updates)]
        args: list[str | int] = [token, int(self.remember_seconds)]
        for claimed, update in updates:
            args += [claimed.envelope.ref, update.update_ms]
        return bool(run(self.redis, "order_register", keys, args))

    def orders_of(self, claimed: Sequence[Claimed]) -> list[str | None]:
        """Return the key of the order that each entry was written down under, None for those that never were."""
        if not claimed:
            return []
        found: Any = self.redis.hmget(self.keys.order_refs, [each.envelope.ref for each in claimed])
        return [key.decode() if key is not None else None for key in found]

    def admit(self, claimed: Claimed, update: OrderUpdate, *, token: str) -> Admission:
        """Ask whether an update may be sent now; "go" leases its order to `token` until it is settled."""
        decision, wait = run(
            self.redis,
            "order_admit",
            [self.key(update), self.keys.due],
            [
                token,
                claimed.envelope.ref,
                update.update_ms,
                int(self.lease_seconds * 1000),
                _GIVEN_UP_AFTER_MS,
                int(self.remember_seconds),
            ],
        )
        return Admission(decision.decode(), wait / 1000)
