"""A request that comes twice is stored once and answered alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from tiktok_events import Producer
from worker.access import AccessTokens

Make = Callable[..., dict[str, Any]]


def remembered(redis: redis_py.Redis) -> list[bytes]:
    return list(redis.scan_iter("tiktok-events:{door:*"))


def test_the_same_again_gets_the_same_answer_and_stores_nothing(door: Any, purchase: Make) -> None:
    events = [purchase(0), purchase(1, value="a lot")]
    first = door.post(events, Idempotency_Key="k-1")
    again = door.post(events, Idempotency_Key='"k-1"')
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(door.waiting()) == 1
    assert door.post(events, Idempotency_Key="k-2").json["accepted"] == 1
    assert len(door.waiting()) == 2


@pytest.mark.parametrize("changed", [{"query": "?validate=shape"}, {"Prefer": "handling=strict"}, {"Event_Id": "x"}])
def test_another_request_with_the_same_key_is_refused(door: Any, purchase: Make, changed: dict[str, str]) -> None:
    door.post(purchase(1), Idempotency_Key="k")
    for answer in (
        door.post(purchase(2), Idempotency_Key="k"),
        door.post(purchase(1), Idempotency_Key="k", **changed),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "key_reused")
    assert len(door.waiting()) == 1


def test_keys_of_callers_and_destinations_are_their_own(
    door: Any, make_door: Any, redis: redis_py.Redis, purchase: Make
) -> None:
    other = make_door(door.client.application, AccessTokens(redis).create("other", ["enqueue"]).text, redis)
    assert door.post(purchase(1), Idempotency_Key="k").status_code == 202
    assert other.post(purchase(2), Idempotency_Key="k").status_code == 202
    assert door.post(purchase(3), "lax", Idempotency_Key="k").status_code == 202


def test_one_that_is_under_way_is_a_conflict(
    make_app: Callable[..., Any], make_door: Any, token: str, redis: redis_py.Redis, producer: Producer, purchase: Make
) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow:
        enqueue = producer.enqueue

        def enqueue_many(self, events: Any, *, destination: str) -> list[str]:
            began.set()
            assert go_on.wait(60)
            return producer.enqueue_many(events, destination=destination)

    app = make_app(store=Slow())
    answers: list[Any] = []
    first = threading.Thread(
        target=lambda: answers.append(make_door(app, token, redis).post(purchase(1), Idempotency_Key="k"))
    )
    first.start()
    assert began.wait(60)
    second = make_door(app, token, redis).post(purchase(1), Idempotency_Key="k")
    assert (second.status_code, second.json["code"]) == (409, "key_in_use")
    assert 1 <= int(second.headers["Retry-After"]) <= 5
    go_on.set()
    first.join()
    assert answers[0].status_code == 202
    assert make_door(app, token, redis).post(purchase(1), Idempotency_Key="k").status_code == 202
    assert redis.xlen("tiktok-events:{app}:inbox") == 1


def test_one_that_was_stopped_goes_on_where_it_stopped(door: Any, redis: redis_py.Redis, purchase: Make) -> None:
    events = [purchase(0), purchase(1), purchase(2, value="a lot"), purchase(3), purchase(4)]
    first = door.post(events, "small", Idempotency_Key="k")
    assert (first.status_code, first.json["next"]) == (429, 4)
    redis.delete("tiktok-events:{small}:inbox")
    again = door.post(events, "small", Idempotency_Key="k")
    assert (again.status_code, again.json["ids"]) == (400, ["order-0", "order-1", None, "order-3", "order-4"])
    assert [entry[b"id"] for entry in door.waiting("small")] == [b"order-4"]
    assert [each["index"] for each in again.json["errors"]] == [2]
    assert door.post(events, "small", Idempotency_Key="k").headers["Idempotent-Replayed"] == "true"


def test_one_that_could_not_be_read_leaves_the_key_free_for_the_same(door: Any) -> None:
    for _ in range(2):
        assert door.post("7", Idempotency_Key="k").json["code"] == "malformed_body"


def test_a_crash_before_remembering_stores_again_under_the_same_ids(
    door: Any, redis: redis_py.Redis, purchase: Make
) -> None:
    # What such a crash leaves: the events, and a lease, which ends.
    door.post(purchase(1), Idempotency_Key="k")
    (place,) = remembered(redis)
    assert 0 < redis.pttl(place) <= 24 * 3600 * 1000
    redis.hset(place, "state", "running")
    redis.hdel(place, "data")
    assert door.post(purchase(1), Idempotency_Key="k").status_code == 409
    redis.delete(place)
    assert door.post(purchase(1), Idempotency_Key="k").status_code == 202
    assert [entry[b"id"] for entry in door.waiting()] == [b"order-1", b"order-1"]


def test_the_key_itself_is_not_kept(door: Any, redis: redis_py.Redis, purchase: Make) -> None:
    door.post(purchase(1), Idempotency_Key="ada@example.com")
    # With its @: three letters from a to f stand in one of thirty digests by chance.
    for place in remembered(redis):
        assert b"ada@" not in place
        assert b"ada@" not in (redis.dump(place) or b"")
        assert b"person1" not in (redis.dump(place) or b"")
