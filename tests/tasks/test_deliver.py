"""What becomes of events, for each thing that TikTok, or its absence, can do."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import redis as redis_py
from kombu.exceptions import OperationalError

from tasks.deliver import deliver as task
from worker.calls import SERVE_TASK, Calls
from worker.dead_letters import Changes, DeadLetter, Filter, Queries, Replayed
from worker.envelope import Envelope
from worker.inbox import Claimed, Terms
from worker.keys import Keys
from worker.keys import limiter as limiter_key
from worker.limiter import scope
from worker.overview import Overview, look
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.scripts import run
from worker.serving import Slice

KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
MakeOrder = Callable[..., dict[str, Any]]


def put(redis: redis_py.Redis, *events: object, ids: list[str] | None = None) -> None:
    for number, event in enumerate(events):
        payload = event if isinstance(event, bytes) else orjson.dumps(event)
        redis.xadd(KEYS.inbox, {"event": payload} | ({"id": ids[number]} if ids else {}))


def deliver(here: Runtime) -> bool:
    return bool(Slice(here, Calls(here.redis, no_broker)).run([Lease("stores", "t")], listen=False))


def no_broker(*_: object, **__: object) -> None:
    raise AssertionError("nothing is called here")


def take(here: Runtime, **terms: Any) -> list[Claimed]:
    return here.of("stores")[1].take("t", Terms(**terms)).batch


def promote(redis: redis_py.Redis) -> None:
    run(redis, "promote", [KEYS.due, KEYS.scheduled, KEYS.retry], [10_000, "all"])


def state(redis: redis_py.Redis) -> Overview:
    return look(redis, "stores", now=time.time())


def letters(redis: redis_py.Redis) -> list[DeadLetter]:
    return list(Queries(redis, KEYS).scan(Filter(), oldest_first=True))


def test_events_are_delivered_in_one_request_and_nothing_is_left(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    put(redis, *(order_completed(number) for number in range(50)))
    assert deliver(make_runtime()) is False
    assert len(sandbox.requests) == 1
    assert set(sandbox.deliveries.values()) == {1}
    assert len(sandbox.deliveries) == 50
    now = state(redis)
    assert (now.waiting, now.in_flight, now.scheduled, now.dead) == (0, 0, 0, 0)
    assert now.totals == {"delivered": 50, "requests": 1}


def test_batches_keep_to_their_size(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    put(redis, *(order_completed(number) for number in range(25)))
    deliver(make_runtime(batch_size=10))
    assert len(sandbox.requests) == 3
    assert state(redis).totals["delivered"] == 25


@pytest.mark.covers("segment/field/test-event-code")
def test_test_events_never_share_a_request_with_live_ones(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    put(redis, order_completed(1), order_completed(2, test_event_code="TEST1"), order_completed(3))
    deliver(make_runtime())
    assert len(sandbox.requests) == 2
    assert sum(event.get("test_event_code") == "TEST1" for event in sandbox.events) == 1


@pytest.mark.covers("segment/pii/validated")
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"not json", "undecodable"),
        (b"", "undecodable"),
        (b"[1, 2]", "undecodable"),
        (b'"text"', "undecodable"),
        (b"null", "undecodable"),
        (b"{}", "unmapped"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "undecodable"),
        (b'{"event": "x", "a":' + b"[" * 990 + b"]" * 990 + b"}", "unmapped"),
        (b'{"event": "Order Completed", "x": "' + b"y" * 300_000 + b'"}', "too_large"),
        (b'{"event": "Order Completed", "x": NaN}', "undecodable"),
        (b'{"type": "track", "event": "Order Completed", "properties": {"email": "\xff"}}', "undecodable"),
    ],
)
def test_bad_input_is_dead_lettered_and_blocks_nobody(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
    payload: bytes,
    reason: str,
) -> None:
    put(redis, order_completed(1), payload, order_completed(2))
    deliver(make_runtime())
    (dead,) = letters(redis)
    assert dead.reason == reason
    assert Queries(redis, KEYS).original(dead.ref) == payload
    assert len(sandbox.deliveries) == 2
    assert state(redis).in_flight == 0


def test_one_poison_event_is_isolated_from_its_batch(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.configure(index_form="none")
    sandbox.fault("code", code=40002, message="Invalid value.", match={"event_id": "message-7"})
    put(redis, *(order_completed(number) for number in range(64)))
    deliver(make_runtime())
    (dead,) = letters(redis)
    assert (dead.reason, dead.code, dead.envelope.id) == ("rejected", 40002, "message-7")
    assert dead.request_id
    assert len(sandbox.deliveries) == 63
    assert len(sandbox.requests) <= 1 + 6 + 2


def test_throttling_uses_no_attempt_and_blocks_until_the_window_ends(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox, server_clock: Any
) -> None:
    sandbox.fault("throttle", times=1)
    put(redis, order_completed(1))
    here = make_runtime()
    deliver(here)
    now = state(redis)
    assert (now.scheduled, now.totals.get("deferred")) == (1, 1)
    promote(redis)
    deliver(here)
    assert len(sandbox.requests) == 1  # still blocked
    server_clock.turn(1.05)
    deliver(here)
    assert len(sandbox.deliveries) == 1
    assert state(redis).totals["delivered"] == 1


def test_a_block_lasts_as_long_as_it_says(redis: redis_py.Redis, make_runtime: MakeRuntime, server_clock: Any) -> None:
    delivery, _ = make_runtime().of("stores")
    for _ in range(5):
        delivery.pauses.block(1.0)
        until = float(redis.hget(KEYS.state, "blocked_until") or 0) / 1000
        assert until == pytest.approx(server_clock.seconds + 1.0, abs=0.002)
        server_clock.turn(0.19)


def test_a_served_request_ends_a_row_of_throttling(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    """Otherwise short bursts, each over in a second, would add up to the penalty of a minute or of a day."""
    here = make_runtime()
    for number in range(5):
        sandbox.clear_faults()
        sandbox.fault("throttle", times=1)
        put(redis, order_completed(number))
        deliver(here)
        redis.hset(KEYS.state, "blocked_until", 0)
        (limit,) = redis.keys("*limit*")
        assert float(redis.hget(limit, "blocked_until") or 0) / 1000 < time.time() + 1.1
        redis.hset(limit, "blocked_until", int(time.time() * 1000))  # its window ends now
        promote(redis)
        deliver(here)
        assert state(redis).totals["delivered"] == number + 1
    assert redis.hget(limit, "row") is None


def test_throttling_without_an_answer_in_between_waits_for_the_longer_windows(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime()
    sandbox.fault("throttle")
    put(redis, order_completed(1))
    waits = []
    for _ in range(7):
        deliver(here)
        (limit,) = redis.keys("*limit*")
        waits.append(float(redis.hget(limit, "blocked_until") or 0) / 1000 - time.time())
        redis.hset(limit, "blocked_until", int(time.time() * 1000))  # its window ends now
        redis.hset(limit, "second", 0)
        redis.hset(KEYS.state, "blocked_until", 0)
        promote(redis)
    assert all(0 < wait <= 1 for wait in waits[:3])
    assert all(299 < wait <= 300 for wait in waits[3:6])
    assert time.gmtime(time.time() + waits[6])[3:5] == (0, 0)
    assert len(sandbox.requests) == 7


@pytest.mark.parametrize("action", ["http", "not_json", "reset", "truncate", "accept_then_reset"])
def test_a_failing_endpoint_uses_an_attempt_and_the_event_comes_back(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox, action: str
) -> None:
    sandbox.fault(action, times=1)
    put(redis, order_completed(1))
    here = make_runtime()
    deliver(here)
    assert state(redis).scheduled == 1
    promote(redis)
    deliver(here)
    now = state(redis)
    assert (now.totals["retried"], now.totals["delivered"], now.dead) == (1, 1, 0)
    assert set(sandbox.deliveries) == {"message-1"}


def test_after_max_attempts_an_event_is_exhausted_with_its_history(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=50000)
    put(redis, order_completed(1))
    here = make_runtime(retry={"max_attempts": 3})
    for _ in range(3):
        deliver(here)
        promote(redis)
    (dead,) = letters(redis)
    assert (dead.reason, dead.code, dead.envelope.attempts) == ("exhausted", 50000, 3)
    assert [attempt.outcome for attempt in dead.envelope.history] == ["unavailable"] * 3


@pytest.mark.parametrize("code", [40050, 40700])
def test_an_ambiguous_code_is_retried_once_and_then_for_a_person(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox, code: int
) -> None:
    sandbox.fault("code", code=code)
    put(redis, order_completed(1))
    here = make_runtime()
    deliver(here)
    promote(redis)
    deliver(here)
    (dead,) = letters(redis)
    assert (dead.reason, dead.code, dead.envelope.attempts) == ("rejected", code, 2)


@pytest.mark.parametrize(
    ("code", "reason"), [(40105, "unauthorized"), (40001, "unauthorized"), (40007, "misconfigured")]
)
def test_a_refused_token_or_source_pauses_the_destination_and_kills_nothing(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
    code: int,
    reason: str,
) -> None:
    sandbox.fault("code", code=code, times=1)
    put(redis, *(order_completed(number) for number in range(5)))
    here = make_runtime()
    deliver(here)
    now = state(redis)
    assert now.pause is not None
    assert (now.pause.reason, now.dead, now.scheduled) == (reason, 0, 5)
    promote(redis)
    deliver(here)
    assert len(sandbox.requests) == 1  # nothing is sent while paused
    here.of("stores")[0].pauses.resume(now=time.time())
    deliver(here)
    assert state(redis).totals["delivered"] == 5
    assert state(redis).totals["deferred"] == 5


def test_a_new_token_resumes_by_itself_and_the_old_one_does_not(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=40105, times=1)
    put(redis, order_completed(1))
    here = make_runtime()
    deliver(here)
    delivery = here.of("stores")[0]
    same = delivery.destination.credentials.fingerprint()
    assert not delivery.pauses.resume_on_new_token(same, now=time.time())
    assert delivery.pauses.current() is not None
    assert delivery.pauses.resume_on_new_token("other", now=time.time())
    assert delivery.pauses.current() is None


def test_a_redirect_is_not_followed(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("redirect", location=sandbox.url + "event/track/", times=1)
    put(redis, order_completed(1))
    deliver(make_runtime())
    now = state(redis)
    assert len(sandbox.requests) == 1
    assert now.pause is not None
    assert now.pause.reason == "misconfigured"


def test_a_partial_answer_is_never_success_for_all(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("partial", times=1)
    put(redis, order_completed(1), order_completed(2))
    deliver(make_runtime(guard={"max_dead_share": 1}))
    assert [dead.reason for dead in letters(redis)] == ["partial", "partial"]
    assert "delivered" not in state(redis).totals


def test_the_breaker_opens_on_a_failure_rate_and_then_nothing_is_sent(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox, server_clock: Any
) -> None:
    sandbox.fault("http", times=3)
    here = make_runtime(breaker={"min_requests": 3, "min_open": "300ms", "max_open": "1s"}, batch_size=1)
    for number in range(3):
        put(redis, order_completed(number))
        deliver(here)
    assert state(redis).breaker == "open"
    put(redis, order_completed(9))
    deliver(here)
    assert len(sandbox.requests) == 3
    assert state(redis).waiting == 1  # it waits where it is: no attempt used
    server_clock.turn(0.35)
    deliver(here)
    now = state(redis)
    assert (now.breaker, now.totals["delivered"]) == ("closed", 1)


def test_while_half_open_only_one_batch_probes(redis: redis_py.Redis, make_runtime: MakeRuntime) -> None:
    here = make_runtime()
    redis.hset(KEYS.breaker, mapping={"open_until": 1, "opened_times": 1})
    put(redis, {}, {})
    inbox = here.of("stores")[1]
    assert [inbox.take(token, Terms(size=1)).gate for token in "ab"] == ["probe", "open"]


def test_the_ledger_sends_no_event_twice_unless_forced(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime()
    put(redis, order_completed(1))
    deliver(here)
    put(redis, order_completed(1))
    deliver(here)
    assert sandbox.deliveries == {"message-1": 1}
    assert state(redis).totals["duplicate"] == 1


def test_without_a_ledger_repeats_are_tiktoks_to_drop(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime(ledger=0)
    for _ in range(2):
        put(redis, order_completed(1))
        deliver(here)
    assert sandbox.deliveries == {"message-1": 2}
    assert not list(redis.scan_iter("*ledger*"))


def test_when_too_much_would_die_the_destination_pauses_and_nothing_dies(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime(guard={"min_events": 20, "max_dead_share": 0.5})
    put(redis, *(order_completed(number, value="a lot") for number in range(30)), order_completed(99))
    deliver(here)
    now = state(redis)
    assert now.pause is not None
    assert (now.pause.reason, now.dead, now.scheduled) == ("too_many_dead_letters", 0, 30)
    assert now.totals["delivered"] == 1
    here.of("stores")[0].pauses.resume(now=time.time())
    promote(redis)
    deliver(here)
    assert state(redis).dead == 30


def test_a_worker_that_died_loses_nothing_and_its_events_are_sent_by_another(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
    fall_silent: Callable[[redis_py.Redis], None],
) -> None:
    put(redis, *(order_completed(number) for number in range(10)))
    take(make_runtime())
    other = make_runtime()
    deliver(other)
    assert not sandbox.deliveries
    fall_silent(redis)
    deliver(other)
    assert len(sandbox.deliveries) == 10
    assert state(redis).in_flight == 0


def test_an_event_that_kills_workers_ends_as_crash_loop_alone(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    put(redis, order_completed(1))
    here = make_runtime(max_deliveries=3)
    take(here)
    for _ in range(2):
        time.sleep(0.02)
        take(here, silence_seconds=0.01, size=100, max_deliveries=3)
    time.sleep(0.02)
    batch = take(here, silence_seconds=0.01, size=100, max_deliveries=3)
    here.of("stores")[0].deliver(batch)
    (dead,) = letters(redis)
    assert dead.reason == "crash_loop"
    assert not sandbox.requests


def test_a_replayed_dead_letter_is_delivered_with_its_first_id(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=40002, times=1, match={"event_id": "message-1"})
    put(redis, order_completed(1))
    here = make_runtime()
    deliver(here)
    (dead,) = letters(redis)
    assert Changes(redis, KEYS).replay(dead.ref) is Replayed.REPLAYED
    deliver(here)
    assert sandbox.deliveries == {"message-1": 1}
    assert state(redis).dead == 0


def test_a_source_that_an_event_names_wrongly_is_that_events_fault(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.configure(event_source_ids=["set-good"])
    here = make_runtime(event_source_id="set-{{properties.shop_id}}")
    put(
        redis,
        order_completed(1, shop_id="good"),
        order_completed(2, shop_id="typo"),
        order_completed(3, shop_id="good"),
    )
    deliver(here)
    now = state(redis)
    assert now.pause is None
    assert now.totals["delivered"] == 2
    assert [(dead.reason, dead.code) for dead in letters(redis)] == [("rejected", 40007)]


def test_our_own_rate_limit_defers_without_an_attempt(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime(batch_size=1, rate_limit={"requests_per_second": 1, "requests_per_minute": 600})
    put(redis, *(order_completed(number) for number in range(3)))
    deliver(here)
    assert len(sandbox.requests) == 1
    now = state(redis)
    assert now.totals["delivered"] == 1
    assert now.totals["deferred"] >= 1
    assert now.waiting + now.scheduled == 2


def test_a_throttled_source_makes_no_other_wait_as_long(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime(event_source_id="set-{{properties.shop_id}}")
    fingerprint = here.of("stores")[0].destination.credentials.fingerprint()
    waits = {"set-short": 50, "set-long": 40_000}
    for source, seconds in waits.items():
        key = limiter_key(scope(fingerprint, source, "event/track/"))
        redis.hset(key, "blocked_until", int((time.time() + seconds) * 1000))
    put(
        redis,
        order_completed(1, shop_id="short"),
        order_completed(2, shop_id="long"),
        order_completed(3, shop_id="free"),
    )
    deliver(here)
    assert set(sandbox.deliveries) == {"message-3"}
    due = [score / 1000 - time.time() for _, score in redis.zrange(KEYS.due, 0, -1, withscores=True)]
    assert due == [pytest.approx(seconds, abs=20) for seconds in waits.values()]


def test_a_broker_that_takes_no_message_ends_no_delivery(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = make_runtime(batch_size=2)
    put(redis, *(order_completed(number) for number in range(7)))
    refused = []

    def refuse(name: str, args: tuple[Any, ...] = (), **_: object) -> None:
        refused.append((name, args))
        raise OperationalError

    ticking = itertools.count()
    monkeypatch.setattr("tasks.deliver.runtime", lambda: here)
    monkeypatch.setattr("tasks.deliver.Slice", partial(Slice, seconds=8, clock=lambda: next(ticking)))
    monkeypatch.setattr("tasks.deliver.current_app", SimpleNamespace(send_task=refuse))
    task("stores", "token")
    assert (SERVE_TASK, ((Lease("stores", "token"),), None)) in refused
    assert len(sandbox.deliveries) == 7
    assert not redis.exists(KEYS.slices)


def test_a_replay_of_what_was_delivered_is_refused_unless_forced(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    here = make_runtime()
    put(redis, order_completed(1))
    deliver(here)
    changes = Changes(redis, KEYS)
    envelope = Envelope(ref="1-1", id="message-1", payload=orjson.dumps(order_completed(1)), enqueued_at=1)
    for forced, times in ((False, 1), (True, 2)):
        changes.add(DeadLetter("stores", "partial", "why", envelope, time.time()))
        changes.replay("1-1", forced=forced)
        deliver(here)
        assert sandbox.deliveries == {"message-1": times}
    assert state(redis).totals["duplicate"] == 1


def test_a_request_that_is_too_large_is_split_until_it_fits(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.configure(max_body_bytes=6_000)
    put(redis, *(order_completed(number) for number in range(40)), order_completed(99, query="x" * 7_000))
    deliver(make_runtime())
    (dead,) = letters(redis)
    assert (dead.reason, dead.envelope.id) == ("too_large", "message-99")
    assert len(sandbox.deliveries) == 40


@pytest.mark.covers("commanders-act/field/event-set-id")
@pytest.mark.parametrize(("count", "paths"), [(1, ["track"]), (3, ["batch"]), (120, ["batch", "batch", "batch"])])
def test_the_legacy_endpoints_get_one_event_or_a_batch_of_at_most_fifty(
    count: int,
    paths: list[str],
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
) -> None:
    put(redis, *(order_completed(number) for number in range(count)))
    deliver(make_runtime(kind="offline", partner_name="acme"))
    assert [request["path"].split("/")[-2] for request in sandbox.requests] == paths
    assert state(redis).totals == {"delivered": count, "requests": len(paths)}
    assert len(sandbox.deliveries) == count
    assert {record["event"]["event"] for record in sandbox.events} == {"CompletePayment"}


def test_one_bad_event_of_a_legacy_batch_is_isolated(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=40002, match={"event_id_prefix": "message-7"}, times=10)
    put(redis, *(order_completed(number) for number in range(20)))
    deliver(make_runtime(kind="offline"))
    assert [letter.reason for letter in letters(redis)] == ["rejected"]
    assert state(redis).totals["delivered"] == 19
