"""How much is measured: in about ten minutes, or in about one?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a run: pairs of measurements, events in an inbox, seconds of each phase."""

    is_full: bool
    pairs: int
    ours: int
    limit: int
    usual: int
    slow: int
    enqueued: int
    backlogs: tuple[int, int]
    backlog_part: int
    dead_letters: int
    replay_seconds: float
    idle_seconds: float
    """a whole number of two seconds: so often a Celery worker gives a sign of life, which is most of what it does"""
    latency_seconds: float
    trickle_seconds: float
    distant: int


FULL = Plan(
    is_full=True,
    pairs=5,
    ours=40_000,
    limit=120_000,
    usual=2_500,
    slow=20_000,
    enqueued=2_000,
    backlogs=(10_000, 200_000),
    backlog_part=8_000,
    dead_letters=1_000_000,
    replay_seconds=4.0,
    idle_seconds=6.0,
    latency_seconds=5.0,
    trickle_seconds=3.0,
    distant=500,
)
QUICK = Plan(
    is_full=False,
    pairs=3,
    ours=15_000,
    limit=50_000,
    usual=800,
    slow=10_000,
    enqueued=400,
    backlogs=(10_000, 50_000),
    backlog_part=5_000,
    dead_letters=30_000,
    replay_seconds=1.0,
    idle_seconds=4.0,
    latency_seconds=1.5,
    trickle_seconds=1.0,
    distant=200,
)
