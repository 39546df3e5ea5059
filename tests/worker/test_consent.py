"""What becomes of events whose person did not agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tiktok_events import Producer
from worker.config import Config, ConfigError
from worker.dead_letters import Changes, Filter, Queries
from worker.keys import Keys
from worker.overview import look
from worker.preview import Stopped, become
from worker.runtime import Runtime
from worker.sandbox import Sandbox

NOW = 1_800_000_000.0
MakeOrder = Callable[..., dict[str, Any]]


def agreed(order: dict[str, Any], *, yes: bool = True) -> dict[str, Any]:
    order["context"]["consent"] = {"ads": yes}
    return order


@pytest.mark.parametrize("refused", ["drop", "dead_letter"])
def test_refused_events_are_dropped_and_counted_or_kept(
    make_runtime: Callable[..., Runtime],
    serve: Callable[..., bool],
    order_completed: MakeOrder,
    redis: Redis,
    redis_url: str,
    sandbox: Sandbox,
    refused: str,
) -> None:
    here = make_runtime(consent={"require": "context.consent.ads", "refused": refused})
    with Producer(redis_url) as producer:
        events = [agreed(order_completed(1)), agreed(order_completed(2), yes=False), order_completed(3)]
        producer.enqueue_many(events, destination="stores")
    serve(here)
    assert set(sandbox.deliveries) == {"message-1"}
    now = look(redis, "stores", now=NOW)
    if refused == "drop":
        assert (now.totals["consent_refused"], now.dead, now.in_flight) == (2, 0, 0)
        return
    assert now.dead_by_reason == {"no_consent": 2}
    for letter in Queries(redis, Keys("stores")).scan(Filter()):
        Changes(redis, Keys("stores")).replay(letter.ref)
    serve(here)
    assert look(redis, "stores", now=NOW).dead_by_reason == {"no_consent": 2}, "a replay asks again"


def test_many_refusals_do_not_stop_the_destination(
    make_runtime: Callable[..., Runtime],
    serve: Callable[..., bool],
    order_completed: MakeOrder,
    redis: Redis,
    redis_url: str,
) -> None:
    here = make_runtime(
        consent={"require": "context.consent.ads", "refused": "dead_letter"},
        guard={"min_events": 1, "max_dead_share": 0.5},
    )
    with Producer(redis_url) as producer:
        for number in range(8):
            producer.enqueue(order_completed(number), destination="stores")
            serve(here)
        producer.enqueue(agreed(order_completed(9, value="x")), destination="stores")
        serve(here)
    now = look(redis, "stores", now=NOW)
    assert (now.pause, now.dead_by_reason) == (None, {"no_consent": 8, "invalid": 1})


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"require": "a ==="}, "consent.require: is not a valid expression"),
        ({"require": "contain(a, 'b')"}, "calls an unknown function; did you mean contains?"),
        ({"refused": "drop"}, "consent.require: "),
        ({"require": "a", "refused": "keep"}, "consent.refused: must be one of: drop, dead_letter"),
        ({"requires": "a"}, "did you mean require?"),
    ],
)
def test_a_faulty_gate_is_refused_at_load(
    configure: Callable[..., Config], settings: dict[str, str], rule: str
) -> None:
    with pytest.raises(ConfigError, match="stores") as caught:
        configure(consent=settings)
    assert rule in str(caught.value)


@pytest.mark.parametrize("refused", ["drop", "dead_letter"])
def test_preview_says_it(configure: Callable[..., Config], order_completed: MakeOrder, refused: str) -> None:
    settings = configure(consent={"require": "ok", "refused": refused}).destinations["stores"]
    found = become(order_completed(1), settings, settings.mapper(), now=NOW, ref="line-1")
    assert isinstance(found, Stopped)
    assert found.reason == "no_consent"
