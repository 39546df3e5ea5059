"""When nobody asks: once a minute, what keeps the house in order and tells of what grows unseen."""

from __future__ import annotations

import time

from celery import shared_task

from tasks.replay import replay
from worker.alerts import Alerts
from worker.config import Config, Destination
from worker.dead_letters import Changes, DeadLetter, Filter, Queries
from worker.history import note_backlog
from worker.keys import GROUP, UNKNOWN, Keys
from worker.overview import look
from worker.people.index import heal
from worker.registry import register
from worker.replay_jobs import ReplayJobs
from worker.retention import purge_waiting
from worker.runtime import Runtime, runtime
from worker.scripts import run

_MOST_PURGED = 5_000
_MOST_HEALED = 50_000
_IDLE_CONSUMER_MS = 3_600_000
_UNKNOWN_KEPT_SECONDS = 90 * 86400.0
_UNKNOWN_KEPT = 1_000_000


def sweep_destination(here: Runtime, destination: Destination, *, now: float) -> list[str]:
    """Do one destination's round; return the replay jobs that nobody runs."""
    keys = Keys(destination.name)
    here.meter.progress()
    _purge(here, keys, destination.dead_letters.max_age_seconds, destination.dead_letters.max_count, now=now)
    _forget_dead_consumers(here, keys)
    heal(here.redis, keys, most=_MOST_HEALED)
    purge_waiting(here.redis, keys, destination, most=_MOST_PURGED, now=now)
    _watch(here, keys, destination, here.alerts, now=now)
    return ReplayJobs(here.redis, keys, owner=here.name).orphans()


def _purge(here: Runtime, keys: Keys, max_age: float, max_count: int, *, now: float) -> None:
    """Remove dead letters past their age or number, a bounded amount a round, the oldest first."""
    queries, changes = Queries(here.redis, keys), Changes(here.redis, keys)
    too_many = queries.count() - max_count
    chosen: list[DeadLetter] = []
    for letter in queries.scan(Filter(), oldest_first=True):
        if (letter.dead_at >= now - max_age and len(chosen) >= too_many) or len(chosen) >= _MOST_PURGED:
            break
        chosen.append(letter)
    changes.discard(chosen, counter="purged")


def _forget_dead_consumers(here: Runtime, keys: Keys) -> None:
    """Remove consumers that hold nothing and have been silent for an hour: every worker process has been one."""
    run(here.redis, "forget_consumers", keys.streams, [GROUP, _IDLE_CONSUMER_MS])


def _watch(here: Runtime, keys: Keys, destination: Destination, alerts: Alerts, *, now: float) -> None:
    """Tell of a backlog that grows old and of dead letters that come fast: once each, until it is over."""
    found = look(here.redis, destination.name, now=now)
    note_backlog(here.redis, keys, waiting=found.waiting, oldest_seconds=found.oldest_seconds, now=now)
    dead_last_minute = found.last_minute.get("dead", 0)
    for kind, holds, detail in (
        (
            "backlog",
            found.oldest_seconds > destination.backlog_alert_seconds,
            f"{found.waiting} waiting, the oldest for {found.oldest_seconds:.0f} s",
        ),
        (
            "dead_letters",
            dead_last_minute > destination.dead_letters_alert,
            f"{dead_last_minute} in the last minute",
        ),
    ):
        if not holds:
            here.redis.hdel(keys.state, f"alerted:{kind}")
        elif here.redis.hsetnx(keys.state, f"alerted:{kind}", repr(now)):
            alerts.tell(kind, destination.name, detail)


def sweep_all(here: Runtime, config: Config, *, now: float) -> list[tuple[str, str]]:
    """Do every destination's round; return (destination, job) of the replay jobs that nobody runs."""
    # Redis may have been emptied or replaced since this worker started.
    register(here.redis, config)
    _purge(here, Keys(UNKNOWN), _UNKNOWN_KEPT_SECONDS, _UNKNOWN_KEPT, now=now)
    return [
        (name, job_id)
        for name, destination in config.destinations.items()
        for job_id in sweep_destination(here, destination, now=now)
    ]


@shared_task(name="tiktok_events.sweep", ignore_result=True)
def sweep() -> None:
    """Keep the house in order. Running twice, or anywhere, is harmless."""
    here = runtime()
    for name, job_id in sweep_all(here, here.config, now=time.time()):
        replay.apply_async((name, job_id), expires=60)
