"""How fast does a subject drain a full inbox, and what does that cost each part?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.ground import Ground, UnfinishedError, wait
from benchmarks.processes import Group, cpu_seconds, resident_bytes
from benchmarks.subjects import Subject

_PATIENCE_SECONDS = 90.0
_FROM, _TO = 0.1, 0.9
"""What lies between a tenth and nine tenths is measured: neither the start nor the last, half-filled batches."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU in µs an event, and the workers' memory at the end as a multiple of that at the beginning."""

    worker: float
    redis: float
    sink: float
    memory: float


@dataclass(frozen=True, slots=True)
class Drained:
    """One run. `costs` is None where the system does not account for them."""

    rate: float
    """events a second, by their arrival at the sink"""
    costs: Costs | None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    events: int
    worker: float
    redis: float
    sink: float
    memory: int


def drain(
    ground: Ground, subject: Subject, count: int, *, delay_seconds: float = 0.0, upto: int | None = None
) -> Drained:
    """Fill the inbox with `count` events, start the workers and wait until `upto` of them (default: all) arrived.

    Raises:
        UnfinishedError: they did not, or not each exactly once.
    """
    ground.clear(delay_seconds=delay_seconds)
    subject.fill(ground, count)
    last = upto or count
    snapshots: list[_Snapshot | None] = []
    with subject.workers(ground) as workers:

        def is_done() -> bool:
            if not workers.is_alive():
                raise UnfinishedError(f"{subject.name} ended by itself: {workers.last_words()}")
            arrived = ground.arrived()
            if len(snapshots) < 2 and arrived >= last * (_FROM, _TO)[len(snapshots)]:
                snapshots.append(_snapshot(ground, workers, arrived))
            return arrived >= last

        wait(is_done, seconds=_PATIENCE_SECONDS, what=f"{subject.name}: {last} of {count} events", every=0.1)
        if upto is None:
            wait(lambda: subject.left(ground) == 0, seconds=10, what=f"{subject.name}: settling")
            arrived = ground.arrived()
            if arrived != count:
                raise UnfinishedError(f"{subject.name}: {arrived} arrivals of {count} events")
        rate = _rate(ground.record()["arrivals"], last)
    return Drained(rate, _costs(snapshots))


def _snapshot(ground: Ground, workers: Group, events: int) -> _Snapshot | None:
    with suppress(OSError):
        processes = workers.process_ids()
        sink = float(ground.record()["cpu_seconds"])
        return _Snapshot(events, cpu_seconds(processes), ground.cpu_of_redis(), sink, resident_bytes(processes))
    return None


def _costs(snapshots: Sequence[_Snapshot | None]) -> Costs | None:
    if len(snapshots) < 2:
        return None
    before, after = snapshots
    if before is None or after is None or after.events == before.events:
        return None
    micros = 1e6 / (after.events - before.events)
    return Costs(
        worker=(after.worker - before.worker) * micros,
        redis=(after.redis - before.redis) * micros,
        sink=(after.sink - before.sink) * micros,
        memory=after.memory / before.memory,
    )


def _rate(arrivals: Sequence[tuple[float, int]], last: int) -> float:
    """Return the events a second between a tenth and nine tenths of `last`."""
    seen = 0
    begin: tuple[float, int] | None = None
    end = (0.0, 0)
    for at, events in arrivals:
        seen += events
        if begin is None and seen >= last * _FROM:
            begin = (at, seen)
        end = (at, seen)
        if seen >= last * _TO:
            break
    if begin is None or end[0] <= begin[0]:
        raise UnfinishedError("too few requests to measure a rate")
    return (end[1] - begin[1]) / (end[0] - begin[0])
