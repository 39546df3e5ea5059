"""How many dead letters are put back: planned, at a rate, seen while it runs, cancelled, resumed after a crash.

A job is a hash in Redis: its filter, its rate, how far it came and what it counted. Whoever holds its lease runs it:
the command that started it, or, if that died, a worker. A step of the job, its counts, its place and its lease are one
atomic call, so that a crash neither loses nor doubles one.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from schemas import EventMapper
from worker.config import Destination
from worker.dead_letters import DeadLetter, Filter, JobStep, Position, Queries, Wanted, position, requeue
from worker.keys import Keys
from worker.preparation import check
from worker.scripts import run

LEASE_SECONDS = 10
_KEPT_SECONDS = 30 * 86400
_STEP = 250
"""Most dead letters of a step: Redis moves them in about 4 ms, and does nothing else meanwhile."""
_STEPS_A_SECOND = 10
"""At rates below `_STEP` times this, the steps are smaller, so that a second's events do not come at once."""
_CHECKED_BY_A_PLAN = 2_000
_LOOKED_INTO_AT_ONCE = 100
"""Events may be large."""

Expired = Callable[[DeadLetter], bool]
"""Says of a dead letter whether it is too old by now. The letter has its event only where its time is not known."""


@dataclass(frozen=True, slots=True)
class Job:
    """One replay job. Times are Unix seconds."""

    id: str
    destination: str
    state: str
    """running, done or cancelled"""
    filter: Filter
    forced: bool
    rate: float
    """dead letters a second"""
    planned: int
    replayed: int
    expired: int
    started_at: float
    by: str
    place: Position | None
    """that of the last one that was dealt with"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job would do if it started now."""

    dead_letters: int
    by_reason: dict[str, int]
    by_event: dict[str, int]
    by_age: dict[str, int]
    expired_now: int
    """exact up to 2,000 dead letters that have to be looked into for it; from there on worked out from a part"""


def plan(redis: Redis, keys: Keys, wanted: Filter, expired: Expired) -> Plan:
    """Count what `wanted` means, and how many of them are too old to be sent by now."""
    queries, now = Queries(redis, keys), time.time()
    reasons: Counter[str] = Counter()
    events: Counter[str] = Counter()
    ages: Counter[str] = Counter()
    too_old = 0
    unknown: list[str] = []
    for letter in queries.scan(wanted):
        reasons[letter.reason] += 1
        events[letter.event or "(unknown)"] += 1
        ages[_age(now - letter.dead_at)] += 1
        if letter.event_time is None:
            unknown.append(letter.ref)
        else:
            too_old += expired(letter)
    too_old += _too_old_among(unknown, queries, expired)
    return Plan(reasons.total(), dict(reasons), dict(events), dict(ages), too_old)


def _too_old_among(refs: list[str], queries: Queries, expired: Expired) -> int:
    """Return how many of these are too old. Looking into an event means mapping it: of many, some stand for all."""
    if not refs:
        return 0
    part = refs[:: -(-len(refs) // _CHECKED_BY_A_PLAN)]
    found = 0
    for first in range(0, len(part), _LOOKED_INTO_AT_ONCE):
        letters = queries.get_many(part[first : first + _LOOKED_INTO_AT_ONCE])
        found += sum(letter is not None and expired(letter) for letter in letters)
    return round(found * len(refs) / len(part))


def _age(seconds: float) -> str:
    for limit, name in ((3600, "under an hour"), (86400, "under a day"), (7 * 86400, "under a week")):
        if seconds < limit:
            return name
    return "a week and more"


class ReplayJobs:
    """The replay jobs of one destination."""

    def __init__(self, redis: Redis, keys: Keys, *, owner: str) -> None:
        self._redis = redis
        self._keys = keys
        self._owner = owner

    def start(self, wanted: Filter, *, planned: int, rate: float, forced: bool, by: str) -> Job:
        """Write a job down; :meth:`run` does it. Dead letters that come later are not part of it."""
        seconds, microseconds = self._redis.time()
        # The server's clock: it is what says when a letter died.
        now = seconds + microseconds / 1e6
        job_id = f"{int(now)}-{secrets.token_hex(3)}"
        before = min(wanted.before, now) if wanted.before is not None else now
        told: list[Any] = [
            *("state", "running"),
            *("filter", orjson.dumps({**wanted.describe(), "before": before})),
            *("forced", int(forced)),
            *("rate", rate),
            *("planned", planned),
            *("started_at", repr(now)),
            *("by", by),
        ]
        key = self._keys.job(job_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(key, items=told)
        pipe.expire(key, _KEPT_SECONDS)
        pipe.zadd(self._keys.jobs, {job_id: now})
        pipe.zremrangebyscore(self._keys.jobs, "-inf", now - _KEPT_SECONDS)
        pipe.execute()
        found = self.get(job_id)
        assert found is not None  # noqa: S101 # just written
        return found

    def get(self, job_id: str) -> Job | None:
        """Return a job as it is now, or None."""
        raw: Any = self._redis.hgetall(self._keys.job(job_id))
        if not raw:
            return None
        told = {key.decode(): value.decode() for key, value in raw.items()}
        return Job(
            id=job_id,
            destination=self._keys.destination,
            state=told["state"],
            filter=Filter(**orjson.loads(told["filter"])),
            forced=told["forced"] == "1",
            rate=float(told["rate"]),
            planned=int(told["planned"]),
            replayed=int(told.get("replayed", 0)),
            expired=int(told.get("expired", 0)),
            started_at=float(told["started_at"]),
            by=told["by"],
            place=position(told["place"]) if "place" in told else None,
        )

    def all(self) -> list[Job]:
        """Return the jobs of the last thirty days, newest first."""
        ids: Any = self._redis.zrevrange(self._keys.jobs, 0, -1)
        return [job for job in (self.get(job_id.decode()) for job_id in ids) if job is not None]

    def cancel(self, job_id: str) -> bool:
        """Stop a running job; what was put back stays so. Return whether it was running."""
        return bool(run(self._redis, "cancel_job", [self._keys.job(job_id)], []))

    def orphans(self) -> list[str]:
        """Return the ids of running jobs that nobody runs."""
        running = [job.id for job in self.all() if job.state == "running"]
        return [job_id for job_id in running if not self._redis.exists(self._lease(job_id))]

    def run(self, job_id: str, expired: Expired, *, seconds: float = float("inf")) -> Iterator[Job]:
        """Do a job for at most `seconds`, at its rate; yield it after each step.

        Ends at once if somebody else is at it. Too old events stay dead letters and are counted.
        """
        if not self._redis.set(self._lease(job_id), self._owner, nx=True, ex=LEASE_SECONDS):
            return
        try:
            end, job = time.monotonic() + seconds, self.get(job_id)
            while job is not None and job.state == "running" and time.monotonic() < end:
                began = time.monotonic()
                handled = self._step(job, expired)
                job = self.get(job_id)
                if job is not None:
                    yield job
                    if handled < 0:
                        return  # cancelled, or somebody else's: this process stood still for longer than the lease
                    time.sleep(max(0.0, handled / job.rate - (time.monotonic() - began)))
        finally:
            run(self._redis, "unlock", [self._lease(job_id)], [self._owner])

    def _step(self, job: Job, expired: Expired) -> int:
        queries = Queries(self._redis, self._keys)
        size = max(1, min(_STEP, int(job.rate / _STEPS_A_SECOND)))
        letters, end = queries.oldest(job.filter, after=job.place, most=size)
        unknown = [letter.ref for _, letter in letters if letter.event_time is None]
        too_old: set[str] = set()
        for first in range(0, len(unknown), _LOOKED_INTO_AT_ONCE):
            whole = queries.get_many(unknown[first : first + _LOOKED_INTO_AT_ONCE])
            too_old.update(letter.ref for letter in whole if letter is not None and expired(letter))
        wanted = [
            Wanted(letter, place, letter.ref in too_old or (letter.event_time is not None and expired(letter)))
            for place, letter in letters
        ]
        step = JobStep(self._keys.job(job.id), self._lease(job.id), self._owner, LEASE_SECONDS * 1000, end)
        handled, _ = requeue(self._redis, self._keys, wanted, forced=job.forced, job=step)
        return handled

    def _lease(self, job_id: str) -> str:
        return f"{self._keys.job(job_id)}:lease"


def expiry(destination: Destination, mapper: EventMapper) -> Expired:
    """Return what says of a dead letter whether TikTok's window has passed for it by now.

    Where the event's time is known, from when it was mapped last, that decides: looking into every event again would
    cost several times as much as putting it back. A worker looks again before it sends.
    """

    def expired(letter: DeadLetter) -> bool:
        if destination.order_sync is not None:
            return False  # updates of orders have no such window
        now = time.time()
        if letter.event_time is not None:
            return letter.event_time < now - destination.mapping.max_event_age_seconds
        refused = check(letter.envelope.payload, letter.envelope, destination, mapper, now=now)
        return refused is not None and refused.reason == "expired"

    return expired
