"""How many dead letters are put back: planned, at a rate, seen while it runs, cancelled, resumed after a crash.

A job is a hash in Redis: its filter, its rate, how far it came and what it counted. Whoever holds its lease runs it:
the command that started it, or, if that died, a worker. Each replay and its count are one atomic call, so that a
crash neither loses nor doubles one.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from redis import Redis

from schemas import EventMapper
from worker.config import Destination
from worker.dead_letters import Changes, DeadLetter, Filter, Queries
from worker.keys import Keys
from worker.preparation import check

LEASE_SECONDS = 10
_KEPT_SECONDS = 30 * 86400
_STEP = 100
"""How many are put back between two looks at whether the job is still wanted."""

Expired = Callable[[DeadLetter], bool]


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
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job would do if it started now."""

    dead_letters: int
    by_reason: dict[str, int]
    by_event: dict[str, int]
    by_age: dict[str, int]
    expired_now: int


def plan(redis: Redis, keys: Keys, wanted: Filter, expired: Expired) -> Plan:
    """Count what `wanted` means, and how many of them are too old to be sent by now."""
    queries, now = Queries(redis, keys), time.time()
    reasons: Counter[str] = Counter()
    events: Counter[str] = Counter()
    ages: Counter[str] = Counter()
    too_old = 0
    for letter in queries.scan(wanted):
        reasons[letter.reason] += 1
        events[letter.event or "(unknown)"] += 1
        ages[_age(now - letter.dead_at)] += 1
        whole = queries.get(letter.ref)
        too_old += whole is not None and expired(whole)
    return Plan(reasons.total(), dict(reasons), dict(events), dict(ages), too_old)


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
        now = time.time()
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
            cursor=told.get("cursor"),
        )

    def all(self) -> list[Job]:
        """Return the jobs of the last thirty days, newest first."""
        ids: Any = self._redis.zrevrange(self._keys.jobs, 0, -1)
        return [job for job in (self.get(job_id.decode()) for job_id in ids) if job is not None]

    def cancel(self, job_id: str) -> bool:
        """Stop a running job after its current step; what was put back stays so."""
        if self._redis.hget(self._keys.job(job_id), "state") != b"running":
            return False
        self._redis.hset(self._keys.job(job_id), "state", "cancelled")
        return True

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
            end = time.monotonic() + seconds
            while (job := self.get(job_id)) is not None and job.state == "running" and time.monotonic() < end:
                began = time.monotonic()
                # Renewed before the step, and a step is far shorter than the lease.
                self._redis.set(self._lease(job_id), self._owner, ex=LEASE_SECONDS)
                handled = self._step(job, expired, size=max(1, min(_STEP, int(job.rate))))
                if not handled:
                    self._redis.hset(self._keys.job(job_id), "state", "done")
                after = self.get(job_id)
                if after is not None:
                    yield after
                if handled:
                    time.sleep(max(0.0, handled / job.rate - (time.monotonic() - began)))
        finally:
            if self._redis.get(self._lease(job_id)) == self._owner.encode():
                self._redis.delete(self._lease(job_id))

    def _step(self, job: Job, expired: Expired, *, size: int) -> int:
        queries, changes = Queries(self._redis, self._keys), Changes(self._redis, self._keys)
        key = self._keys.job(job.id)
        handled = 0
        for letter in islice(queries.scan(job.filter, start_after=job.cursor, oldest_first=True), size):
            handled += 1
            whole = queries.get(letter.ref)
            if whole is not None and expired(whole):
                # It stays where it is, so the job has to remember that it has passed it.
                pipe = self._redis.pipeline(transaction=True)
                pipe.hincrby(key, "expired", 1)
                pipe.hset(key, "cursor", letter.ref)
                pipe.execute()
            else:
                changes.replay(letter.ref, forced=job.forced, job=job.id)
        return handled

    def _lease(self, job_id: str) -> str:
        return f"{self._keys.job(job_id)}:lease"


def expiry(destination: Destination, mapper: EventMapper) -> Expired:
    """Return what says of a dead letter whether TikTok's window has passed for it by now."""

    def expired(letter: DeadLetter) -> bool:
        refused = check(letter.envelope.payload, letter.envelope, destination, mapper, now=time.time())
        return refused is not None and refused.reason == "expired"

    return expired
