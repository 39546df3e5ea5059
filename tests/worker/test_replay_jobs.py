"""A replay job puts back what was meant, once, at its rate, whoever dies in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker.config import Config
from worker.dead_letters import Changes, DeadLetter, Filter, JobStep, Queries, Replayed, Wanted, requeue
from worker.envelope import Envelope
from worker.keys import Keys
from worker.replay_jobs import Job, ReplayJobs, expiry, plan

KEYS = Keys("stores")


def bury(
    redis: redis_py.Redis,
    count: int,
    *,
    reason: str = "rejected",
    first: int = 0,
    payload: bytes = b"{}",
    event_time: int | None = None,
) -> None:
    changes = Changes(redis, KEYS)
    for number in range(first, first + count):
        envelope = Envelope(ref=f"{number:06d}-0", id=f"id-{number}", payload=payload, enqueued_at=1)
        changes.add(DeadLetter("stores", reason, "why", envelope, time.time() - 1, event_time=event_time))


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
    job = start(first, rate=1_000)
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
    job = start(jobs, rate=1_000)
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


def test_a_job_keeps_to_its_rate(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(time=time.time, monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr("worker.replay_jobs.time", clock)
    bury(redis, 30)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs, rate=20)
    for _ in jobs.run(job.id, never):
        pass
    assert sum(slept) == pytest.approx(30 / 20)


def test_a_plan_counts_by_reason_event_and_age_and_changes_nothing(redis: redis_py.Redis) -> None:
    bury(redis, 4)
    bury(redis, 2, reason="invalid", first=50)
    found = plan(redis, KEYS, Filter(), lambda letter: letter.reason == "invalid")
    assert (found.dead_letters, found.expired_now) == (6, 2)
    assert found.by_reason == {"invalid": 2, "rejected": 4}
    assert found.by_age == {"under an hour": 6}
    assert redis.zcard(KEYS.dead) == 6


def test_a_job_goes_on_from_its_place_when_the_letter_there_is_gone(redis: redis_py.Redis) -> None:
    bury(redis, 60)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs, rate=100)
    steps = jobs.run(job.id, lambda _: True)  # too old, so that they all stay
    first = next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert first.place is not None
    changes, found = Changes(redis, KEYS), Queries(redis, KEYS).get(first.place.ref)
    assert found is not None
    assert changes.discard([found]) == 1
    *_, last = jobs.run(job.id, lambda _: True)
    assert (last.state, last.expired, redis.zcard(KEYS.dead)) == ("done", 60, 59)


def test_a_job_whose_lease_somebody_else_took_stops_without_doing_anything(redis: redis_py.Redis) -> None:
    bury(redis, 50)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs, rate=100)
    steps = jobs.run(job.id, never)
    assert next(steps).replayed == 10
    lease = f"{KEYS.job(job.id)}:lease"
    redis.set(lease, "b")
    *_, last = steps
    assert (last.state, last.replayed, redis.xlen(KEYS.replay)) == ("running", 10, 10)
    assert redis.get(lease) == b"b"


def test_large_events_go_in_smaller_steps_and_all_of_them_go(redis: redis_py.Redis) -> None:
    bury(redis, 30, payload=b'{"a":"' + b"x" * 900_000 + b'"}')
    jobs = ReplayJobs(redis, KEYS, owner="a")
    seen = list(jobs.run(start(jobs).id, lambda letter: letter.ref in ("000004-0", "000029-0")))
    assert seen[0].replayed == 5
    assert (seen[-1].state, seen[-1].replayed, seen[-1].expired) == ("done", 28, 2)


@pytest.mark.parametrize("broken", [KEYS.replay, KEYS.totals, KEYS.facets, KEYS.facet("code", "7")])
def test_a_key_of_the_wrong_type_refuses_a_step_whole(redis: redis_py.Redis, broken: str) -> None:
    changes = Changes(redis, KEYS)
    envelope = Envelope(ref="1-0", id="a", payload=b"{}", enqueued_at=1)
    changes.add(DeadLetter("stores", "rejected", "why", envelope, time.time(), code=7))
    kept = redis.dump(broken)
    redis.delete(broken)
    redis.set(broken, "something of somebody else's")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        changes.replay("1-0")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        start_and_run(redis)
    redis.delete(broken)
    if kept is not None:
        redis.restore(broken, 0, kept)
    assert changes.replay("1-0") is Replayed.REPLAYED
    assert redis.xlen(KEYS.replay) == 1


def start_and_run(redis: redis_py.Redis) -> None:
    jobs = ReplayJobs(redis, KEYS, owner="a")
    list(jobs.run(start(jobs).id, never))


def test_memory_that_is_full_does_not_hold_up_a_replay(redis: redis_py.Redis) -> None:
    bury(redis, 20)
    jobs = ReplayJobs(redis, KEYS, owner="a")
    job = start(jobs)
    letters = Queries(redis, KEYS).oldest(Filter(), after=None, most=20).letters
    step = JobStep(KEYS.job(job.id), f"{KEYS.job(job.id)}:lease", "a", 10_000, None)
    redis.config_set("maxmemory", 1)
    try:
        wanted = [Wanted(letter, place) for place, letter in letters]
        assert requeue(redis, KEYS, wanted, forced=False, job=step) == (20, 20)
    finally:
        redis.config_set("maxmemory", 0)
    assert (redis.xlen(KEYS.replay), redis.zcard(KEYS.dead)) == (20, 0)


NOW = int(time.time())


@pytest.mark.parametrize(
    ("known", "written", "too_old"),
    [
        (NOW - 29 * 86400, NOW, True),
        (NOW - 27 * 86400, NOW - 29 * 86400, False),
        (None, NOW - 29 * 86400, True),
        (None, NOW - 27 * 86400, False),
    ],
    ids=["known and old", "known and young", "looked up and old", "looked up and young"],
)
def test_age_is_taken_from_what_is_known_of_the_event_and_else_from_the_event(
    redis: redis_py.Redis,
    configure: Callable[..., Config],
    order_completed: Callable[..., dict[str, Any]],
    known: int | None,
    written: int,
    too_old: bool,
) -> None:
    event = {**order_completed(), "timestamp": datetime.fromtimestamp(written, UTC).isoformat()}
    bury(redis, 3, payload=orjson.dumps(event), event_time=known)
    settings = configure().destinations["stores"]
    expired = expiry(settings, settings.mapper())
    assert plan(redis, KEYS, Filter(), expired).expired_now == 3 * too_old
    jobs = ReplayJobs(redis, KEYS, owner="a")
    *_, last = jobs.run(start(jobs).id, expired)
    assert (last.replayed, last.expired) == (3 * (not too_old), 3 * too_old)


def test_an_edited_event_is_as_old_as_its_edit_says(
    redis: redis_py.Redis, configure: Callable[..., Config], order_completed: Callable[..., dict[str, Any]]
) -> None:
    bury(redis, 1, payload=orjson.dumps(order_completed()), event_time=NOW - 29 * 86400)
    settings = configure().destinations["stores"]
    expired = expiry(settings, settings.mapper())
    assert plan(redis, KEYS, Filter(), expired).expired_now == 1
    Changes(redis, KEYS).edit("000000-0", orjson.dumps(order_completed(2)))
    assert plan(redis, KEYS, Filter(), expired).expired_now == 0


def test_of_very_many_events_a_plan_looks_into_a_part(redis: redis_py.Redis) -> None:
    bury(redis, 4_100)
    looked: list[str] = []

    def every_second(letter: DeadLetter) -> bool:
        looked.append(letter.ref)
        return len(looked) % 2 == 0

    found = plan(redis, KEYS, Filter(), every_second)
    assert found.dead_letters == 4_100
    assert len(looked) < 2_000
    assert found.expired_now == pytest.approx(2_050, abs=5)


@pytest.mark.parametrize("job_id", ["nothing", ""])
def test_there_is_no_job_that_was_never_started(redis: redis_py.Redis, job_id: str) -> None:
    jobs = ReplayJobs(redis, KEYS, owner="a")
    assert jobs.get(job_id) is None
    assert not jobs.cancel(job_id)
    assert list(jobs.run(job_id, never)) == []
