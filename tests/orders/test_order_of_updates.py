"""Updates of one order go one after another, the older before the newer, whatever fails and however many work."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as run
from hypothesis import strategies as st

from worker.dead_letters import Changes, Filter, Queries
from worker.inbox import Lock, Terms
from worker.keys import Keys
from worker.orders.intake import OrderIntake

KEYS = Keys("stores")


def in_order(arrived: dict[str, list[tuple[int, str]]]) -> None:
    for order_id, updates in arrived.items():
        seconds = [second for second, _ in updates]
        assert seconds == sorted(seconds), (order_id, updates)


def test_updates_of_one_order_arrive_in_order_each_in_a_request_of_its_own(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(*(update("o-1", second, second % 5) for second in range(5)), update("o-2", 0))
    hotel.deliver()
    assert hotel.arrived()["o-1"] == [
        (0, "CREATE_ORDER"),
        (1, "PAY_ORDER"),
        (2, "CONFIRM_ORDER"),
        (3, "CANCEL_ORDER"),
        (4, "COMPLETE_ORDER"),
    ]
    assert len(hotel.sandbox.requests) == 6
    assert hotel.totals()["delivered"] == 6


def test_updates_that_wait_together_are_sent_the_oldest_first(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 3), update("o-1", 1), update("o-1", 2))
    hotel.deliver()
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2, 3]


def test_an_update_older_than_what_was_delivered_is_superseded_and_not_sent(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 5))
    hotel.deliver()
    hotel.put(update("o-1", 4), update("o-2", 4))
    hotel.deliver()
    assert hotel.arrived() == {"o-1": [(5, "CREATE_ORDER")], "o-2": [(4, "CREATE_ORDER")]}
    assert (hotel.totals()["superseded"], hotel.left()) == (1, 0)


def test_milliseconds_within_one_second_count(make_hotel, update) -> None:
    hotel = make_hotel()
    late, early = update("o-1", 1, 1), update("o-1", 1, 0)
    late["context"]["event_timestamp"] += 700
    early["context"]["event_timestamp"] += 200
    hotel.put(late, early)
    hotel.deliver()
    assert [status for _, status in hotel.arrived()["o-1"]] == ["CREATE_ORDER", "PAY_ORDER"]


def test_updates_of_the_same_time_keep_the_order_of_arrival(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(*(update("o-1", 1, status) for status in (2, 0, 1)))
    hotel.deliver()
    assert [status for _, status in hotel.arrived()["o-1"]] == ["CONFIRM_ORDER", "CREATE_ORDER", "PAY_ORDER"]


def test_the_same_update_twice_is_sent_once(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 1), update("o-1", 1))
    hotel.deliver()
    assert (len(hotel.sandbox.requests), hotel.totals()["duplicate"]) == (1, 1)


def test_a_successor_waits_behind_a_retry_without_using_an_attempt_and_others_go_on(make_hotel, update) -> None:
    hotel = make_hotel(retry={"min_backoff": "1h", "max_backoff": "2h"})
    hotel.sandbox.fault("code", code=50000, match={"path": "/order/sync/"}, times=1)
    hotel.put(update("o-1", 1), update("o-1", 2), update("o-2", 1))
    hotel.deliver()
    assert dict(hotel.arrived()) == {"o-2": [(1, "CREATE_ORDER")]}
    assert (hotel.totals()["retried"], hotel.totals()["deferred"], hotel.left()) == (1, 1, 2)
    hotel.promote()
    hotel.deliver()
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2]


def test_a_successor_goes_as_soon_as_its_predecessor_is_through(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.sandbox.fault("code", code=50000, match={"path": "/order/sync/"}, times=1)
    hotel.put(update("o-1", 1), update("o-1", 2))
    here = hotel.worker()
    hotel.deliver(here)
    assert hotel.left() == 2
    time.sleep(0.15)
    hotel.promote(everything=False)  # the retry is due, its successor is not
    assert hotel.redis.zcard(KEYS.due) == 1
    hotel.deliver(here)
    hotel.promote(everything=False)  # the settlement has woken it
    hotel.deliver(here)
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2]


def test_a_dead_predecessor_lets_its_successor_go(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.sandbox.fault("code", code=40002, match={"path": "/order/sync/"}, times=1)
    hotel.put(update("o-1", 1), update("o-1", 2))
    hotel.deliver()
    assert hotel.arrived() == {"o-1": [(2, "CREATE_ORDER")]}
    (dead,) = Queries(hotel.redis, KEYS).scan(Filter())
    assert (dead.reason, dead.event, dead.code) == ("rejected", "CREATE_ORDER", 40002)


def test_a_replayed_dead_letter_does_not_overtake_what_was_delivered_since(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.sandbox.fault("code", code=40002, match={"path": "/order/sync/"}, times=1)
    hotel.put(update("o-1", 1), update("o-1", 2))
    hotel.deliver()
    (dead,) = Queries(hotel.redis, KEYS).scan(Filter())
    Changes(hotel.redis, KEYS).replay(dead.ref, forced=True)
    hotel.deliver()
    assert hotel.arrived() == {"o-1": [(2, "CREATE_ORDER")]}
    assert hotel.totals()["superseded"] == 1


def test_an_update_that_a_crash_loop_took_holds_nobody_back(make_hotel, update, fall_silent) -> None:
    hotel = make_hotel(max_deliveries=2)
    hotel.put(update("o-1", 1), update("o-1", 2))
    _, dying = hotel.worker().of("stores")
    for _ in range(2):
        assert len(dying.take("t", Terms(size=1, max_deliveries=2)).batch) == 1
        fall_silent(hotel.redis)
    hotel.until_done(workers=1, everything=False)
    assert hotel.arrived() == {"o-1": [(2, "CREATE_ORDER")]}
    assert hotel.totals()["dead:crash_loop"] == 1


def test_what_a_dead_worker_had_claimed_goes_before_what_came_later(make_hotel, update, fall_silent) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 1))
    _, dying = hotel.worker().of("stores")
    assert len(dying.take("t", Terms(size=1)).batch) == 1
    hotel.put(update("o-1", 2))
    hotel.deliver()
    assert hotel.arrived() == {}
    fall_silent(hotel.redis)
    hotel.until_done(workers=2, everything=False)
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2]


def test_nothing_is_claimed_after_a_death_between_claim_and_book_until_it_is_taken_back(
    make_hotel, update, fall_silent
) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 1))
    _, dying = hotel.worker().of("stores")
    assert isinstance(dying, OrderIntake)
    lock = Lock(KEYS.intake, "of the dead", 20_000)
    hotel.redis.set(KEYS.intake, "of the dead")
    assert len(dying.inbox.take("t", Terms(size=1), lock=lock).batch) == 1  # claimed, and never written down
    hotel.put(update("o-1", 2))
    hotel.deliver()
    assert hotel.arrived() == {}
    hotel.redis.delete(KEYS.intake)  # its lock ends
    fall_silent(hotel.redis)
    hotel.until_done(workers=2, everything=False)
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2]


def test_a_worker_that_lost_the_intake_sends_nothing(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 1))
    _, slow = hotel.worker().of("stores")
    assert isinstance(slow, OrderIntake)

    class Stalled:
        def take(self, *args: Any, **options: Any) -> Any:
            taken = slow.inbox.take(*args, **options)
            hotel.redis.set(KEYS.intake, "another")
            return taken

    stalled = dataclasses.replace(slow, inbox=Stalled())
    assert stalled.take("t", Terms()).batch == []
    assert hotel.redis.get(KEYS.intake) == b"another"
    assert not hotel.redis.keys(KEYS.order("*"))


def test_a_leased_order_is_left_alone_by_others(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 1), update("o-2", 1))
    here = hotel.worker()
    delivery, intake = here.of("stores")
    batch = intake.take("t", Terms()).batch
    (first, _) = batch
    mapped = delivery.mapper.map(update("o-1", 1), event_id="x", received_at=0, now=time.time()).items[0]
    assert delivery.book.admit(first, mapped, token="somebody").decision == "go"
    delivery.deliver(batch)
    assert set(hotel.arrived()) == {"o-2"}
    assert hotel.totals()["deferred"] == 1


def test_nothing_is_left_of_updates_that_are_through(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.put(update("o-1", 1), update("o-1", 2))
    hotel.deliver()
    (key,) = hotel.redis.keys(KEYS.order("*"))
    assert b"o-1" not in key
    left = hotel.redis.hgetall(key)
    assert set(left) == {b"delivered", b"places"}
    assert hotel.redis.ttl(key) > 29 * 86400
    assert not hotel.redis.exists(KEYS.order_refs, KEYS.intake)


@pytest.mark.parametrize("envelope", ["code", "error.code"])
def test_many_workers_and_a_failing_endpoint_keep_every_order_in_order_and_lose_nothing(
    make_hotel, update, envelope
) -> None:
    hotel = make_hotel(
        envelope=envelope, batch_size=7, max_in_flight=16, retry={"min_backoff": "10ms", "max_attempts": 50}
    )
    hotel.sandbox.fault("code", code=50000, match={"path": "/order/sync/", "probability": 0.2})
    hotel.sandbox.fault("accept_then_reset", match={"path": "/order/sync/", "probability": 0.05})
    hotel.put(*(update(f"o-{order}", second, second % 5) for second in range(15) for order in range(12)))
    hotel.until_done(workers=6, seconds=60)
    arrived = hotel.arrived()
    in_order(arrived)
    # What came in order goes in order: nothing is superseded, and each update arrived.
    assert {order: sorted({second for second, _ in updates}) for order, updates in arrived.items()} == {
        f"o-{order}": list(range(15)) for order in range(12)
    }
    assert hotel.totals()["delivered"] == 180
    assert "superseded" not in hotel.totals()
    assert "dead" not in hotel.totals()


@run(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    updates=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=20),
    failing=st.floats(0, 0.5),
    workers=st.integers(1, 4),
    batch_size=st.integers(1, 5),
)
def test_whatever_comes_in_whatever_order_no_older_update_overtakes_a_newer_one(
    make_hotel, update, updates, failing, workers, batch_size
) -> None:
    hotel = make_hotel(batch_size=batch_size, retry={"min_backoff": "10ms", "max_backoff": "20ms", "max_attempts": 100})
    hotel.redis.flushall()
    hotel.sandbox.reset()
    hotel.sandbox.configure(order_sync_path="/order/sync/")
    hotel.sandbox.fault("code", code=50000, match={"path": "/order/sync/", "probability": failing})
    hotel.put(*(update(f"o-{order}", second) for order, second in updates))
    hotel.until_done(workers=workers)
    arrived = hotel.arrived()
    in_order(arrived)
    newest: dict[str, int] = {}
    for order, second in updates:
        newest[f"o-{order}"] = max(newest.get(f"o-{order}", 0), second)
    assert {order: max(second for second, _ in got) for order, got in arrived.items()} == newest
    totals = hotel.totals()
    assert totals["delivered"] + totals.get("superseded", 0) + totals.get("duplicate", 0) == len(updates)
