"""An event that does not open is a dead letter, kept as it is; when the key is back a replay delivers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from tiktok_events import Producer
from tiktok_events.sealing import MAGIC
from worker.dead_letters import Changes, Filter, Queries, Replayed
from worker.keys import Keys
from worker.overview import look
from worker.registry import register
from worker.replay_jobs import ReplayJobs, expiry
from worker.runtime import Runtime

KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
MakeOrder = Callable[..., dict[str, Any]]


def totals(redis: redis_py.Redis) -> dict[str, int]:
    return {name.decode(): int(count) for name, count in redis.hgetall(KEYS.totals).items()}


def test_one_that_is_sealed_with_a_key_that_is_not_here_waits_for_it(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    serve: Any,
    order_completed: MakeOrder,
) -> None:
    keybox.use("k2")
    with Producer(redis_url) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    sealed = redis.xrange(KEYS.inbox)[0][1][b"event"]
    keybox.use("k1")
    serve(keyed_runtime())
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert (letter.reason, letter.message) == ("undecryptable", "is sealed with key k2, which is not here")
    assert redis.hvals(KEYS.dead_events) == [sealed]
    keybox.use("k1", "k2")
    assert Changes(redis, KEYS).replay(letter.ref) is Replayed.REPLAYED
    serve(keyed_runtime())
    assert totals(redis)["delivered"] == 1


def test_without_any_key_it_says_so_too(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    serve: Any,
    order_completed: MakeOrder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keybox.use("k1")
    with Producer(redis_url) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    monkeypatch.delenv("TIKTOK_EVENTS_ENCRYPTION_KEYS")
    serve(keyed_runtime())
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert (letter.reason, letter.message) == ("undecryptable", "is sealed with key k1, which is not here")


@pytest.mark.parametrize("by_a_job", [False, True], ids=["by hand", "by a job"])
def test_a_pack_is_one_dead_letter_until_the_key_is_back_and_then_all_of_its_events(
    by_a_job: bool,
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    serve: Any,
    order_completed: MakeOrder,
) -> None:
    keybox.use("k2")
    register(redis, keyed_runtime().config)
    with Producer(redis_url) as producer:
        producer.enqueue_many((order_completed(number) for number in range(150)), destination="stores")
    assert redis.xlen(KEYS.bulk) == 2
    keybox.use("k1")
    here = keyed_runtime()
    for _ in range(2):
        serve(here)
    assert redis.xlen(KEYS.bulk) == redis.exists(KEYS.bulk_size) == 0
    queries = Queries(redis, KEYS)
    assert [letter.reason for letter in queries.scan(Filter())] == ["undecryptable"] * 2
    assert totals(redis)["dead:undecryptable"] == 150, "as many events as are in them"
    ref = next(queries.scan(Filter())).ref
    letter = queries.get(ref)
    assert letter is not None
    assert letter.envelope.locked == "is sealed with key k2, which is not here"
    keybox.use("k1", "k2")
    again = Queries(redis, KEYS).get(ref)
    assert again is not None
    assert again.envelope.locked == "is a pack of 50 events; a replay takes it apart"
    if by_a_job:
        jobs = ReplayJobs(redis, KEYS, owner="test")
        job = jobs.start(Filter(), planned=2, rate=1e6, forced=False, by="test")
        settings = here.config.destinations["stores"]
        assert [seen.replayed for seen in jobs.run(job.id, expiry(settings, settings.mapper()))][-1] == 2
    else:
        for each in list(queries.scan(Filter())):
            Changes(redis, KEYS).replay(each.ref)
    here = keyed_runtime()
    for _ in range(3):
        serve(here)
    assert totals(redis)["delivered"] == 150
    now = look(redis, "stores", now=0)
    assert (now.waiting, now.dead, now.in_flight) == (0, 0, 0)


def test_the_events_of_a_replayed_pack_may_fail_each_for_itself(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    serve: Any,
    order_completed: MakeOrder,
) -> None:
    keybox.use("k2")
    register(redis, keyed_runtime().config)
    orders = [order_completed(number, **({"value": "none"} if number == 3 else {})) for number in range(10)]
    with Producer(redis_url) as producer:
        producer.enqueue_many(orders, destination="stores")
    keybox.use("k1")
    serve(keyed_runtime())
    (pack,) = Queries(redis, KEYS).scan(Filter())
    keybox.use("k1", "k2")
    Changes(redis, KEYS).replay(pack.ref)
    serve(keyed_runtime())
    assert totals(redis)["delivered"] == 9
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert (letter.reason, letter.envelope.id, letter.ref) == (
        "invalid",
        "message-3",
        f"{pack.ref.removesuffix('-pack')}-3",
    )
    whole = Queries(redis, KEYS).get(letter.ref)
    assert whole is not None
    assert orjson.loads(whole.envelope.payload) == orders[3]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (MAGIC, "is damaged: it names no key"),
        (MAGIC + b"\x02k1", "does not open with key k1: damaged, or sealed for another event or destination"),
        (MAGIC + b"\xffk1", "is damaged: it names no key"),
        (MAGIC + b"\x04a@b." + b"x" * 40, "is damaged: it names no key"),
        (
            MAGIC + b"\x02k1" + b"x" * 40,
            "does not open with key k1: damaged, or sealed for another event or destination",
        ),
    ],
)
def test_whatever_is_damaged_is_a_dead_letter_beside_which_the_others_go_on(
    payload: bytes,
    why: str,
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    serve: Any,
    order_completed: MakeOrder,
) -> None:
    keybox.use("k1")
    redis.xadd(KEYS.inbox, {"event": payload, "id": "m-1"})
    redis.xadd(KEYS.bulk, {"events": payload, "ids": "m-2\nm-3", "n": 2})
    with Producer(redis_url) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    serve(keyed_runtime())
    assert [(each.reason, each.message) for each in Queries(redis, KEYS).scan(Filter())] == [("undecryptable", why)] * 2
    assert redis.hvals(KEYS.dead_events) == [payload] * 2
    assert totals(redis)["delivered"] == 1


def test_an_event_that_somebody_moved_to_another_id_does_not_open(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    serve: Any,
    order_completed: MakeOrder,
) -> None:
    keybox.use("k1")
    with Producer(redis_url) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    ((entry_id, fields),) = redis.xrange(KEYS.inbox)
    redis.xdel(KEYS.inbox, entry_id)
    redis.xadd(KEYS.inbox, {**fields, b"id": b"message-2"})
    serve(keyed_runtime())
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert letter.reason == "undecryptable"
