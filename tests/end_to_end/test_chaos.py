"""Killed workers, a killed Redis and a failing TikTok together lose no event: a short run of `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos.ours import Ours
from benchmarks.chaos.run import Plan, Run


@pytest.mark.timeout(600)
def test_a_short_chaos_run_loses_nothing(tmp_path: Path) -> None:
    plan = Plan(10_000, worker_kills=4, redis_kills=2, seed=20_261_121, between_seconds=3.0, limit_seconds=300)
    report = Run(plan, Ours, tmp_path, watch=lambda *_: None)()
    told = "\n".join(f"{name}: {value}" for name, value in report.rows())
    assert report.finished, told
    assert report.account.lost == 0, told
    assert report.account.unaccounted == 0, told
    assert report.account.enqueued == 10_000
    assert report.account.dead_by_reason == {"rejected": 50}, told
    assert report.account.delivered == 9_950, told
    assert report.duplicates_after_kill <= report.duplicates_bound, told
    assert report.ended_by_themselves == 0, told
    # The run was one: kills hit, and requests failed.
    assert report.kills.workers + report.kills.children == 4
    assert report.kills.redis == 2
    assert report.caught > 0
    assert report.failed_requests > report.requests * 0.15
