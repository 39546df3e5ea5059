"""When somebody runs Celery beat: one more source of wake-ups, enough alone."""

from __future__ import annotations

from celery import current_app, shared_task

from worker.calls import Calls, parts
from worker.runtime import runtime
from worker.schedule import Lease, Schedule


@shared_task(name="tiktok_events.wake", ignore_result=True)
def wake() -> None:
    """Look at every destination once and call the deliver tasks that are missing."""
    here = runtime()
    calls = Calls(here.redis, current_app.send_task)
    names = list(here.config.destinations)
    ticks = Schedule(here.redis, here.config.destinations).look_at(names)
    leases = [Lease(name, token) for name, tick in zip(names, ticks, strict=True) for token in tick.tokens]
    for part in parts(leases):
        calls.serve(part)
