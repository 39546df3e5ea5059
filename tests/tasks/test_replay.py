"""A replay job goes on slice by slice until it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import redis as redis_py

from tasks.replay import replay_slice
from worker.dead_letters import Changes, DeadLetter, Filter
from worker.envelope import Envelope
from worker.keys import Keys
from worker.replay_jobs import ReplayJobs
from worker.runtime import Runtime

KEYS = Keys("stores")


def test_a_slice_asks_for_another_until_the_job_is_done(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    clock = SimpleNamespace(time=time.time, monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr("worker.replay_jobs.time", clock)
    changes = Changes(redis, KEYS)
    for number in range(40):
        envelope = Envelope(ref=f"{number}-0", id=f"id-{number}", payload=b"{}", enqueued_at=1)
        changes.add(DeadLetter("stores", "rejected", "why", envelope, time.time() - 1, event_time=int(time.time())))
    here = make_runtime()
    jobs = ReplayJobs(redis, KEYS, owner="command")
    job = jobs.start(Filter(), planned=40, rate=100, forced=False, by="test")
    assert replay_slice(here, "stores", job.id, seconds=0.15)
    found = jobs.get(job.id)
    assert found is not None
    assert found.replayed == 20
    assert not replay_slice(here, "stores", job.id, seconds=5)
    assert redis.xlen(KEYS.replay) == 40
    assert not replay_slice(here, "stores", job.id)
    assert not replay_slice(here, "elsewhere", job.id)


def test_a_slice_of_a_job_that_somebody_else_runs_asks_for_none(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime]
) -> None:
    jobs = ReplayJobs(redis, KEYS, owner="command")
    job = jobs.start(Filter(), planned=0, rate=100, forced=False, by="test")
    redis.set(f"{KEYS.job(job.id)}:lease", "command")
    assert not replay_slice(make_runtime(), "stores", job.id)
