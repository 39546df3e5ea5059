"""When events are delivered: a bounded loop over one destination's batches."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from celery import shared_task
from kombu.exceptions import OperationalError

from worker.delivery import Delivery
from worker.inbox import Inbox
from worker.keys import GROUP, Keys
from worker.management import ManagementError
from worker.orders import OrderIntake
from worker.runtime import runtime
from worker.schedule import LEASE_SECONDS
from worker.scripts import run

log = logging.getLogger(__name__)

_SLICE_SECONDS = 2.0
"""How long one task goes on. Celery around the loop costs next to nothing at this length, and a warm shutdown
waits no longer than this and a request."""


def deliver_slice(
    delivery: Delivery, inbox: Inbox | OrderIntake, *, token: str, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Deliver batches until there are none, the gate closes, or the slice is over.

    Returns whether there is more to do, so that another slice should follow, with the same token: a slice that is
    over keeps its lease for the one that follows, or the waker would send another beside it.
    """
    keys, settings = delivery.keys, delivery.destination
    end = clock() + _SLICE_SECONDS
    while True:
        answer, _ = run(
            delivery.redis,
            "gate",
            [keys.state, keys.breaker, keys.slices],
            [token, int(LEASE_SECONDS * 1000), settings.max_in_flight],
        )
        if answer not in (b"go", b"probe"):
            _release(delivery, keys, token)
            return False
        delivery.meter.progress()
        started = clock()
        batch = inbox.next_batch(
            silence_seconds=settings.take_back_after_seconds,
            size=settings.batch_size,
            max_deliveries=settings.max_deliveries,
        )
        delivery.meter.stage(settings.mapping.kind, "claim", clock() - started)
        if not batch:
            if answer == b"probe":
                delivery.redis.hdel(keys.breaker, "probe_until")
            return _release(delivery, keys, token)
        delivery.deliver(batch)
        if clock() > end:
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
    while deliver_slice(delivery, inbox, token=lease):
        try:
            deliver.apply_async((destination, lease), expires=LEASE_SECONDS)
        except OperationalError as error:
            # A broker whose memory is full takes no message. What could empty it is this task: so it goes on.
            log.warning("broker takes no wake-up; going on", extra={"cause": type(error).__name__})
        else:
            return
