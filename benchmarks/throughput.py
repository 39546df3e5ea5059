"""How many events a second go through, from a full inbox to the sink?"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.drain import Drained, drain
from benchmarks.figures import Figure, Missing, Row, Target
from benchmarks.ground import Ground
from benchmarks.plan import Plan
from benchmarks.subjects import ONE_TASK_PER_EVENT, Limit, NotInstalledError, Ours, Subject, batches
from tiktok_events.sealing import KEY_BYTES

_SLOW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Entrant:
    subject: Subject
    count: int
    delay_seconds: float = 0.0


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Run ours, the naive ones and the limit in turn; yield the rows."""
    keys = f"bench:{b64encode(os.urandom(KEY_BYTES)).decode()}"
    entrants = {
        "ours": _Entrant(Ours(bulk=False), plan.ours),
        "bulk": _Entrant(Ours(bulk=True), plan.ours),
        "sealed": _Entrant(Ours(bulk=False, keys=keys), plan.ours),
        "sealed bulk": _Entrant(Ours(bulk=True, keys=keys), plan.ours),
        "slow": _Entrant(Ours(bulk=True), plan.slow, _SLOW_SECONDS),
        "naive": _Entrant(ONE_TASK_PER_EVENT, plan.usual),
        "limit": _Entrant(Limit(), plan.limit),
    }
    no_batches = "only in a full run"
    if plan.is_full:
        try:
            entrants["batches"] = _Entrant(batches(ground.folder), plan.usual)
        except NotInstalledError as error:
            no_batches = str(error)
    runs: dict[str, list[Drained]] = {name: [] for name in entrants}
    for number in range(plan.pairs):
        # Forwards, then backwards, so that a drift of the machine hits nobody alone.
        for name in list(entrants)[:: 1 if number % 2 == 0 else -1]:
            entrant = entrants[name]
            tell(f"full inbox {number + 1}/{plan.pairs}: {entrant.subject.name}")
            done = drain(ground, entrant.subject, entrant.count, delay_seconds=entrant.delay_seconds)
            runs[name].append(done)
    yield from _rows(runs, no_batches)


def _rows(runs: dict[str, list[Drained]], no_batches: str) -> Iterator[Row]:
    rates = {name: tuple(run.rate for run in found) for name, found in runs.items()}

    def compared(name: str, ours: str, other: str, against: str, least: float | None) -> Figure:
        target = Target(least=least) if least is not None else None
        return Figure(name, "events/s", rates[ours], rates[other], against, target)

    yield compared("throughput, against the naive task", "ours", "naive", "one task per event", 100)
    if "batches" in rates:
        yield compared("throughput, against celery-batches", "ours", "batches", "celery-batches", None)
    else:
        yield Missing("throughput, against celery-batches", no_batches)
    yield compared("throughput, against the limit", "ours", "limit", "limit", 0.75)
    yield compared("throughput of enqueue_many", "bulk", "limit", "limit", 1.0)
    yield compared("endpoint that answers in 100 ms", "slow", "limit", "limit without delay", 0.6)
    yield compared("throughput with payload encryption", "sealed", "limit", "limit", 0.65)
    yield compared("throughput of enqueue_many with payload encryption", "sealed bulk", "limit", "limit", None)
    yield from _costs(runs["ours"], runs["limit"])


def _costs(ours: Sequence[Drained], limit: Sequence[Drained]) -> Iterator[Row]:
    pairs = [(own.costs, other.costs) for own, other in zip(ours, limit, strict=True) if own.costs and other.costs]
    if not pairs:
        yield Missing("CPU by part, full inbox", "this system does not account for it")
        return
    for part in ("worker", "redis", "sink"):
        own = tuple(float(getattr(mine, part)) for mine, _ in pairs)
        other = tuple(float(getattr(theirs, part)) for _, theirs in pairs)
        yield Figure(f"CPU of {part}, full inbox", "µs/event", own, other, "limit", None)
    memory = tuple(mine.memory for mine, _ in pairs)
    target = Target(0.85, 1.15)
    yield Figure("worker's memory, end against beginning of a run", "×", memory, (), "", target)
