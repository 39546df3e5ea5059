"""When somebody runs Celery beat: one more source of wake-ups, enough alone."""

from __future__ import annotations

from celery import shared_task

from tasks.deliver import deliver
from worker.runtime import runtime
from worker.schedule import LEASE_SECONDS, Schedule


@shared_task(name="tiktok_events.wake", ignore_result=True)
def wake() -> None:
    """Look at every destination once and dispatch the deliver tasks that are missing."""
    here = runtime()
    schedule = Schedule(here.redis, here.config.destinations)
    for name in here.config.destinations:
        for token in schedule.look(name).tokens:
            deliver.apply_async((name, token), expires=LEASE_SECONDS)
