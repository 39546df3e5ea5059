"""A destination that must wait takes nothing from the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from worker.keys import Keys
from worker.pauses import Pauses
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]
DESTINATIONS = 200
EVENTS = 10


def test_of_200_destinations_the_blocked_half_waits_and_the_rest_is_delivered(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    table = """
[destinations.{name}]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "{name}"
base_url = "{url}"
"""
    names = [f"d{number:03d}" for number in range(DESTINATIONS)]
    fleet = make_fleet(more="".join(table.format(name=name, url=sandbox.url) for name in names))
    blocked, free = names[0::2], names[1::2]
    for name in blocked:
        Pauses(fleet.redis, Keys(name)).block(3600)
    pipe = fleet.redis.pipeline(transaction=False)
    for name in names:
        for number in range(EVENTS):
            pipe.xadd(Keys(name).inbox, {"event": orjson.dumps(order_completed(number))})
    pipe.execute()
    fleet.start()
    end = time.monotonic() + 150
    while sandbox.stats["accepted_events"] < len(free) * EVENTS:
        assert time.monotonic() < end, fleet.log()[-3000:]
        time.sleep(0.1)
    # A new event of a free destination is not held up by a thousand that wait.
    fleet.redis.xadd(Keys("d001").inbox, {"event": orjson.dumps(order_completed(77))})
    fleet.wait(lambda now: now.totals.get("delivered", 0) == EVENTS + 1, seconds=45, destination="d001")
    assert {event["event_source_id"] for event in sandbox.events} == set(free)
    waiting = fleet.look(blocked[0])
    assert (waiting.waiting, waiting.in_flight, waiting.totals) == (EVENTS, 0, {})
