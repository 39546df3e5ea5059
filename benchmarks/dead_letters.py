"""How quickly are dead letters found and put back when there are very many?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice

from benchmarks.figures import Figure, Row, Target
from benchmarks.ground import DESTINATION, Ground
from benchmarks.order import orders
from benchmarks.plan import Plan
from tiktok_events import Producer
from worker.config import load
from worker.connection import connect
from worker.dead_letters import DeadLetter, Filter, Queries
from worker.inbox import Claimed, Inbox
from worker.keys import Keys
from worker.replay_jobs import Expired, ReplayJobs, expiry
from worker.settlement import Dead, Settlement, write

_BATCH = 1000
_PAGE = 50
_LOOKS = 20
_REASONS = (("rejected", 40002), ("exhausted", 50000), ("invalid", None), ("expired", None))
_EVENTS = ("Purchase", "Purchase", "Purchase", "AddToCart", "Lead", "ViewContent", "Purchase")


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Let very many events die, look through them, put some back; yield the rows."""
    ground.clear()
    keys = Keys(DESTINATION)
    with connect(ground.redis_url) as redis:
        inbox = Inbox(redis, keys, consumer="bench")
        with Producer(ground.redis_url) as producer:
            for first in range(0, plan.dead_letters, _BATCH):
                if first % 50_000 == 0:
                    tell(f"dead letters: {first:,} of {plan.dead_letters:,}")
                producer.enqueue_many(orders(_BATCH, first=first), destination=DESTINATION)
                fates = [
                    (claimed, Dead(_letter(claimed, first + at))) for at, claimed in enumerate(inbox.claim(_BATCH))
                ]
                write(redis, keys, Settlement(fates=[*fates]), now=time.time(), ledger_seconds=0)
        amount = f"{Queries(redis, keys).count():,} dead letters"
        queries = Queries(redis, keys)
        pages = {
            "first page": Filter(),
            "page of one reason": Filter(reason="invalid"),
            "page of a reason, a code and an event": Filter(reason="rejected", code=40002, event="Lead"),
        }
        for name, wanted in pages.items():
            tell(f"dead letters: {name}")
            yield Figure(f"{amount}: {name}", "ms", _milliseconds(queries, wanted), (), "", Target(most=100))
        tell("dead letters: replay")
        settings = load(environment=ground.environment()).destinations[DESTINATION]
        jobs, expired = ReplayJobs(redis, keys, owner="bench"), expiry(settings, settings.mapper())
        rate = tuple(_replayed_a_second(jobs, expired, plan.replay_seconds) for _ in range(3))
        yield Figure(f"{amount}: replay", "events/s", rate, (), "", Target(least=10_000))
    ground.clear()


def _letter(claimed: Claimed, number: int) -> DeadLetter:
    reason, code = _REASONS[number % len(_REASONS)]
    # Only what was mapped has a known time; a replay has to look into the others.
    event_time = int(time.time()) - 60 if code else None
    return DeadLetter(
        destination=DESTINATION,
        reason=reason,
        message="as a benchmark wants it",
        envelope=claimed.envelope,
        dead_at=time.time(),
        code=code,
        event=_EVENTS[number % len(_EVENTS)],
        event_time=event_time,
    )


def _milliseconds(queries: Queries, wanted: Filter) -> tuple[float, ...]:
    found = []
    for _ in range(_LOOKS):
        began = time.perf_counter()
        page = list(islice(queries.scan(wanted), _PAGE))
        found.append((time.perf_counter() - began) * 1e3)
        assert len(page) == _PAGE
    return tuple(found)


def _replayed_a_second(jobs: ReplayJobs, expired: Expired, seconds: float) -> float:
    job = jobs.start(Filter(), planned=0, rate=1e9, forced=False, by="bench")
    began = time.perf_counter()
    *_, last = jobs.run(job.id, expired, seconds=seconds)
    return last.replayed / (time.perf_counter() - began)
