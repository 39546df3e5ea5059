"""How is a deliver task called? By a Celery message that names leases, never an event."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kombu.exceptions import OperationalError
from redis import Redis

from tiktok_events.keys import CELERY_QUEUE
from worker.keys import CALLS
from worker.schedule import LEASE_SECONDS, Lease

log = logging.getLogger(__name__)

SERVE_TASK = "tiktok_events.serve"
SWEEP_TASK = "tiktok_events.sweep"
REPLAY_TASK = "tiktok_events.replay"

MOST_TOGETHER = 25
"""How many destinations one task serves; as many as are served while a lease lasts, whatever TikTok does."""

_SWEEP_EXPIRES_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls tasks, and keeps book of those that have not begun: no task may listen in a slot that one of them needs."""

    redis: Redis
    send: Callable[..., Any]
    """Celery's `send_task`."""

    def serve(self, leases: Sequence[Lease]) -> None:
        """Call a task for some leases. One that is lost costs latency: its leases end, and so does its entry.

        Raises:
            kombu.exceptions.OperationalError: the broker takes no message.
        """
        call = secrets.token_hex(8)
        self.redis.zadd(CALLS, {call: (time.time() + LEASE_SECONDS) * 1000})
        self.send(SERVE_TASK, (leases, None, call), queue=CELERY_QUEUE, expires=LEASE_SECONDS)

    def go_on(self, leases: Sequence[Lease], leading_as: str | None) -> None:
        """Call the task that goes on where this one ends: it has a slot, and gives it back to itself.

        Raises:
            kombu.exceptions.OperationalError: as `serve`.
        """
        self.send(SERVE_TASK, (leases, leading_as), queue=CELERY_QUEUE, expires=LEASE_SECONDS)

    def begun(self, call: str) -> None:
        """Note that a called task has begun."""
        self.redis.zrem(CALLS, call)

    def sweep(self) -> None:
        """Call for the house to be swept; if the broker takes no message, another minute will do."""
        try:
            self.send(SWEEP_TASK, queue=CELERY_QUEUE, expires=_SWEEP_EXPIRES_SECONDS)
        except OperationalError as error:
            log.warning("broker takes no message; not swept", extra={"cause": type(error).__name__})


def parts(leases: Sequence[Lease]) -> list[list[Lease]]:
    """Return leases in lists that one task each can serve, the leases of one destination in different ones."""
    found: list[list[Lease]] = []
    rounds: dict[str, int] = {}
    for lease in leases:
        turn = rounds[lease.destination] = rounds.get(lease.destination, -1) + 1
        while True:
            if turn == len(found):
                found.append([])
            if len(found[turn]) < MOST_TOGETHER and all(each.destination != lease.destination for each in found[turn]):
                break
            turn += 1
        found[turn].append(lease)
        rounds[lease.destination] = turn
    return found
