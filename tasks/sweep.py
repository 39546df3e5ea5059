"""When nobody asks: once a minute, what keeps the house in order and tells of what grows unseen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from celery import shared_task

from tasks.replay import replay
from worker.calls import SWEEP_TASK
from worker.config import Config, Destination
from worker.dead_letters import Changes, DeadLetter, Filter, Queries
from worker.history import note_backlog
from worker.keys import GROUP, UNKNOWN, Keys
from worker.overview import Overview, look_at
from worker.people.index import heal
from worker.registry import register
from worker.replay_jobs import ReplayJobs
from worker.retention import purge_waiting
from worker.runtime import Runtime, runtime
from worker.scripts import Call, run_many

_AT_ONCE = 100
_MOST_PURGED = 5_000
_MOST_HEALED = 50_000
_IDLE_CONSUMER_MS = 3_600_000
_UNKNOWN_KEPT_SECONDS = 90 * 86400.0
_UNKNOWN_KEPT = 1_000_000


def sweep_all(here: Runtime, config: Config, *, now: float) -> list[tuple[str, str]]:
    """Do every destination's round; return (destination, job) of the replay jobs that nobody runs."""
    # Redis may have been emptied or replaced since this worker started.
    register(here.redis, config)
    _purge(here, Keys(UNKNOWN), _UNKNOWN_KEPT_SECONDS, _UNKNOWN_KEPT, now=now)
    heal(here.redis, Keys(UNKNOWN), most=_MOST_HEALED)
    names = list(config.destinations)
    orphans: list[tuple[str, str]] = []
    # Many in one round trip: where nothing is to be done, a thousand destinations cost next to nothing.
    for first in range(0, len(names), _AT_ONCE):
        orphans += _sweep(here, [config.destinations[name] for name in names[first : first + _AT_ONCE]], now=now)
    return orphans


def _sweep(here: Runtime, destinations: Sequence[Destination], *, now: float) -> Iterator[tuple[str, str]]:
    keys = [Keys(destination.name) for destination in destinations]
    found = look_at(here.redis, [destination.name for destination in destinations], now=now)
    run_many(here.redis, [_forget_dead_consumers(each) for each in keys])
    pipe = here.redis.pipeline(transaction=False)
    for each, seen in zip(keys, found, strict=True):
        note_backlog(pipe, each, waiting=seen.waiting, oldest_seconds=seen.oldest_seconds, now=now)
    pipe.execute(raise_on_error=False)
    for each in keys:
        pipe.hmget(each.state, [_told(kind) for kind in _WATCHED])
        pipe.exists(each.jobs)
        pipe.exists(each.people)
    answers = pipe.execute(raise_on_error=False)
    rounds = zip(destinations, keys, found, answers[0::3], answers[1::3], answers[2::3], strict=True)
    for destination, each, seen, told, has_jobs, has_people in rounds:
        here.meter.progress()
        if seen.fault:
            continue
        if seen.dead:
            limits = destination.dead_letters
            _purge(here, each, limits.max_age_seconds, limits.max_count, now=now)
        if has_people:
            heal(here.redis, each, most=_MOST_HEALED)
        if seen.waiting:
            purge_waiting(here.redis, each, destination, most=_MOST_PURGED, now=now)
        _watch(here, each, destination, seen, dict(zip(_WATCHED, told, strict=True)), now=now)
        if has_jobs:
            for job_id in ReplayJobs(here.redis, each, owner=here.name).orphans():
                yield destination.name, job_id


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


def _forget_dead_consumers(keys: Keys) -> Call:
    """Return the call that removes consumers that hold nothing and have been silent for an hour: every worker process
    has been one."""
    return Call("forget_consumers", keys.streams, [GROUP, _IDLE_CONSUMER_MS])


_WATCHED = ("backlog", "dead_letters")


def _told(kind: str) -> str:
    return f"alerted:{kind}"


def _watch(
    here: Runtime,
    keys: Keys,
    destination: Destination,
    found: Overview,
    told: Mapping[str, bytes | None],
    *,
    now: float,
) -> None:
    """Tell of a backlog that grows old and of dead letters that come fast: once each, until it is over."""
    dead_last_minute = found.last_minute.get("dead", 0)
    details = {
        "backlog": f"{found.waiting} waiting, the oldest for {found.oldest_seconds:.0f} s"
        if found.oldest_seconds > destination.backlog_alert_seconds
        else "",
        "dead_letters": f"{dead_last_minute} in the last minute"
        if dead_last_minute > destination.dead_letters_alert
        else "",
    }
    for kind in _WATCHED:
        if details[kind]:
            if here.redis.hsetnx(keys.state, _told(kind), repr(now)):
                here.alerts.tell(kind, destination.name, details[kind])
        elif told[kind] is not None:
            here.redis.hdel(keys.state, _told(kind))


@shared_task(name=SWEEP_TASK, ignore_result=True)
def sweep() -> None:
    """Keep the house in order. Running twice, or anywhere, is harmless."""
    here = runtime()
    for name, job_id in sweep_all(here, here.config, now=time.time()):
        replay.apply_async((name, job_id), expires=60)
