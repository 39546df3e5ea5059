"""Events that nobody here wrote: each is delivered or dead-lettered, and none changes the fate of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import redis as redis_py

from examples.shop import broken, calls
from worker.calls import Calls
from worker.keys import Keys
from worker.overview import look
from worker.reasons import REASONS
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Slice

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "foreign-events.jsonl"
NOW = 1_571_100_000.0  # the days most of them are from; our own are put there, too


def lines() -> list[bytes]:
    """The foreign events where they are at hand, and our own shop's in any case."""
    own = [*calls(200, now=NOW), *broken(now=NOW).values()]
    foreign = CORPUS.read_bytes().splitlines() if CORPUS.exists() else []
    return [*(orjson.dumps(each) for each in own), *foreign]


def test_every_foreign_event_is_accounted_for(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime], sandbox: Sandbox
) -> None:
    events = lines()
    keys = Keys("stores")
    for event in events:
        redis.xadd(keys.inbox, {"event": event})
    # Most are years old: an age limit alone would make all of them `expired` and test nothing.
    here = make_runtime(guard={"max_dead_share": 1}, max_event_age="10000d", max_future="10000d", ledger=0)
    while Slice(here, Calls(here.redis, print)).run([Lease("stores", "t")], listen=False):
        pass
    now = look(redis, "stores", now=NOW)
    assert (now.waiting, now.in_flight, now.scheduled, now.pause) == (0, 0, 0, None)
    assert now.totals["delivered"] + now.dead == len(events)
    assert set(now.dead_by_reason) <= set(REASONS)
    assert "rejected" not in now.dead_by_reason  # what we send, the sandbox takes
    assert now.totals["delivered"] >= 200
    assert sandbox.stats["refused_requests"] == {}
