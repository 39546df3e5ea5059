"""A replay job puts back what was meant, once, at its rate, whoever dies in between."""

from __future__ import annotations

import time

import pytest
import redis as redis_py

from worker.dead_letters import Changes, DeadLetter, Filter
from worker.envelope import Envelope
from worker.keys import Keys
from worker.replay_jobs import Job, ReplayJobs, plan

KEYS = Keys("stores")


def bury(redis: redis_py.Redis, count: int, *, reason: str = "rejected", first: int = 0) -> None:
    changes = Changes(redis, KEYS)
    for number in range(first, first + count):
        envelope = Envelope(ref=f"{number:06d}-0", id=f"id-{number}", payload=b"{}", enqueued_at=1)
        changes.add(DeadLetter("stores", reason, "why", envelope, time.time() - 1))


def never(_: DeadLetter) -> bool:
    return False


def start(jobs: ReplayJobs, wanted: Filter | None = None, *, rate: float = 10_000, planned: int = 0) -> Job:
    return jobs.start(wanted or Filter(), planned=planned, rate=rate, forced=False, by="test")


def replayed_refs(redis: redis_py.Redis) -> list[bytes]:
    return sorted(fields[b"meta"].split(b'"ref":"')[1].split(b'"')[0] for _, fields in redis.xrange(KEYS.replay))


def test_a_job_puts_back_what_matches_and_nothing_else(redis: redis_py.Redis) -> None:
    bury(redis, 250)
    bury(redis, 10, reason="invalid", first=1000)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs, Filter(reason="rejected"))
    *_, last = jobs.run(job.id, never)
    assert (last.state, last.replayed) == ("done", 250)
    assert len(set(replayed_refs(redis))) == redis.xlen(KEYS.replay) == 250
    assert redis.zcard(KEYS.dead) == 10


def test_dead_letters_that_come_after_the_start_are_not_part_of_it(redis: redis_py.Redis) -> None:
    bury(redis, 3)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs)
    envelope = Envelope(ref="late-0", id="late", payload=b"{}", enqueued_at=1)
    Changes(redis, KEYS).add(DeadLetter("stores", "rejected", "why", envelope, time.time() + 5))
    *_, last = jobs.run(job.id, never)
    assert (last.replayed, redis.zcard(KEYS.dead)) == (3, 1)


def test_a_job_left_by_a_crash_goes_on_without_losing_or_doubling_one(redis: redis_py.Redis) -> None:
    bury(redis, 350)
    first = ReplayJobs(redis, KEYS, owner="a")
    job = start(first)
    steps = first.run(job.id, never)
    next(steps)  # one step done; then the process is gone, its lease with it after a while
    second = ReplayJobs(redis, KEYS, owner="b")
    assert list(second.run(job.id, never)) == []  # the lease still keeps others out
    assert second.orphans() == []
    redis.delete(f"{KEYS.job(job.id)}:lease")
    assert second.orphans() == [job.id]
    *_, last = second.run(job.id, never)
    assert (last.state, last.replayed) == ("done", 350)
    assert len(set(replayed_refs(redis))) == redis.xlen(KEYS.replay) == 350


def test_a_cancelled_job_stops_and_leaves_the_rest(redis: redis_py.Redis) -> None:
    bury(redis, 500)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs)
    for now in jobs.run(job.id, never):
        if now.replayed >= 100:
            assert jobs.cancel(job.id) or now.state == "cancelled"
    found = jobs.get(job.id)
    assert found is not None
    assert found.state == "cancelled"
    assert found.replayed + redis.zcard(KEYS.dead) == 500
    assert 0 < found.replayed < 500
    assert not jobs.cancel(job.id)


def test_what_is_too_old_by_now_stays_and_is_counted(redis: redis_py.Redis) -> None:
    bury(redis, 205)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs)
    *_, last = jobs.run(job.id, lambda letter: int(letter.ref[:6]) % 2 == 0)
    assert (last.state, last.replayed, last.expired) == ("done", 102, 103)
    assert redis.zcard(KEYS.dead) == 103


def test_a_job_keeps_to_its_rate(redis: redis_py.Redis) -> None:
    bury(redis, 30)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs, rate=20)
    began = time.monotonic()
    for _ in jobs.run(job.id, never):
        pass
    assert time.monotonic() - began >= 30 / 20 * 0.95


def test_a_plan_counts_by_reason_event_and_age_and_changes_nothing(redis: redis_py.Redis) -> None:
    bury(redis, 4)
    bury(redis, 2, reason="invalid", first=50)
    found = plan(redis, KEYS, Filter(), lambda letter: letter.reason == "invalid")
    assert (found.dead_letters, found.expired_now) == (6, 2)
    assert found.by_reason == {"invalid": 2, "rejected": 4}
    assert found.by_age == {"under an hour": 6}
    assert redis.zcard(KEYS.dead) == 6


@pytest.mark.parametrize("job_id", ["nothing", ""])
def test_there_is_no_job_that_was_never_started(redis: redis_py.Redis, job_id: str) -> None:
    jobs = ReplayJobs(redis, KEYS, owner="a")
    assert jobs.get(job_id) is None
    assert not jobs.cancel(job_id)
    assert list(jobs.run(job_id, never)) == []
