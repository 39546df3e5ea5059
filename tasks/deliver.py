"""When events are delivered: a bounded loop over one destination's batches."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from celery import shared_task

from worker.delivery import Delivery
from worker.inbox import Inbox
from worker.keys import GROUP, Keys
from worker.management import ManagementError
from worker.orders import OrderIntake
from worker.runtime import runtime
from worker.schedule import LEASE_SECONDS
from worker.scripts import run

_SLICE_SECONDS = 2.0
"""How long one task goes on. Celery around the loop costs next to nothing at this length, and a warm shutdown
waits no longer than this and a request."""


def deliver_slice(
    delivery: Delivery, inbox: Inbox | OrderIntake, *, token: str, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Deliver batches until there are none, the gate closes, or the slice is over.

    Returns whether there is more to do, so that another slice should follow.
    """
    keys, settings = delivery.keys, delivery.destination
    end = clock() + _SLICE_SECONDS
    while True:
        answer, _ = run(
            delivery.redis,
            "gate",
            [keys.state, keys.breaker, keys.slices],
            [token, int(LEASE_SECONDS * 1000)],
        )
        if answer not in (b"go", b"probe"):
            _release(delivery, keys, token)
            return False
        batch = inbox.next_batch(
            silence_seconds=settings.take_back_after_seconds,
            size=settings.batch_size,
            max_deliveries=settings.max_deliveries,
        )
        if not batch:
            if answer == b"probe":
                delivery.redis.hdel(keys.breaker, "probe_until")
            return _release(delivery, keys, token)
        delivery.deliver(batch)
        if clock() > end:
            _release(delivery, keys, token)
            return True


def _release(delivery: Delivery, keys: Keys, token: str) -> bool:
    return bool(run(delivery.redis, "release", [keys.slices, *keys.streams], [token, GROUP]))


@shared_task(name="tiktok_events.deliver", ignore_result=True, max_retries=0)
def deliver(destination: str, token: str | None = None) -> None:
    """Wake-up: deliver what waits for `destination`. Disposable; it may run anywhere, twice, and at once."""
    here = runtime()
    if destination not in here.config.destinations:
        return
    try:
        delivery, inbox = here.of(destination)
    except ManagementError as error:
        here.hold(destination, error)
        return
    lease = token or secrets.token_hex(8)
    if deliver_slice(delivery, inbox, token=lease):
        deliver.apply_async((destination,), expires=LEASE_SECONDS)
