"""An asyncio producer stores, refuses and gives up as the blocking one does, and never holds up its loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis

from tiktok_events import AsyncProducer, EnqueueError, InboxFull, InvalidEvent, Unavailable, UnknownDestination, keys

INBOX = keys.inbox("stores")


def stored(store: redis.Redis) -> list[str]:
    entries: Any = store.xrange(INBOX)
    return [fields[b"id"].decode() for _, fields in entries]


def numbered(count: int) -> Iterator[dict[str, Any]]:
    return ({"event_id": str(number)} for number in range(count))


def healthy(command: bytes) -> bytes:
    if b"CLIENT" in command:
        return b"+OK\r\n" * command.count(b"SETINFO")
    return b"*0\r\n" if b"HGETALL" in command else b":1\r\n"


def test_one_and_many_are_stored_in_their_order(each_server: Any, store: redis.Redis) -> None:
    async def app() -> None:
        async with AsyncProducer(each_server.url) as producer:
            assert await producer.enqueue({"event_id": "first"}, destination="stores") == "first"
            assert await producer.enqueue({}, destination="stores", event_id="second") == "second"
            expected = [str(number) for number in range(777)]
            assert await producer.enqueue_many(numbered(777), destination="stores") == expected

    asyncio.run(app())
    assert stored(store) == ["first", "second", *map(str, range(777))]


def test_many_go_in_packs_from_an_asynchronous_source(each_server: Any, store: redis.Redis) -> None:
    store.hset(keys.REGISTRY, "stores", '{"pack": 100}')

    async def rows() -> AsyncIterator[dict[str, Any]]:
        for event in numbered(250):
            await asyncio.sleep(0)
            yield event

    async def app() -> list[str]:
        async with AsyncProducer(each_server.url) as producer:
            return await producer.enqueue_many(rows(), destination="stores")

    assert asyncio.run(app()) == [str(number) for number in range(250)]
    assert store.get(keys.bulk_size("stores")) == b"250"


def test_what_it_refuses_is_refused_by_the_same_errors(each_server: Any, store: redis.Redis) -> None:
    store.hset(keys.REGISTRY, "stores", "{}")

    async def app() -> None:
        async with AsyncProducer(each_server.url, max_inbox=205) as producer:
            with pytest.raises(UnknownDestination, match="did you mean 'stores'"):
                await producer.enqueue({}, destination="sotres")
            with pytest.raises(InvalidEvent, match=r"event\.at: object"):
                await producer.enqueue({"at": object()}, destination="stores")
            with pytest.raises(InvalidEvent) as refused:
                await producer.enqueue_many([*numbered(3), {"at": object()}], destination="stores")
            assert (refused.value.stored, refused.value.ids) == (3, ["0", "1", "2"])
            with pytest.raises(InboxFull) as full:
                await producer.enqueue_many(numbered(500), destination="stores")
            assert full.value.stored == 202

    asyncio.run(app())
    assert store.xlen(INBOX) == 205


def test_tasks_share_a_producer_without_losing_or_mixing_events(each_server: Any, store: redis.Redis) -> None:
    async def app() -> list[str]:
        async with AsyncProducer(each_server.url) as producer:
            calls = [producer.enqueue({"event_id": str(number)}, destination="stores") for number in range(200)]
            return await asyncio.gather(*calls)

    assert asyncio.run(app()) == [str(number) for number in range(200)]
    assert sorted(stored(store)) == sorted(str(number) for number in range(200))


def test_event_loops_share_a_producer(each_server: Any, store: redis.Redis) -> None:
    producer = AsyncProducer(each_server.url)

    async def app(name: str) -> None:
        for number in range(20):
            await producer.enqueue({"event_id": f"{name}{number}"}, destination="stores")
        await producer.aclose()

    asyncio.run(app("a"))
    asyncio.run(app("b"))
    threads = [threading.Thread(target=asyncio.run, args=(app(name),)) for name in "cd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored(store)) == sorted(f"{name}{number}" for name in "abcd" for number in range(20))


def connected(store: redis.Redis) -> set[str]:
    clients: Any = store.client_list()
    return {client["id"] for client in clients}


def test_a_closed_producer_connects_again_and_leaves_nothing_open(each_server: Any, store: redis.Redis) -> None:
    async def app() -> None:
        async with AsyncProducer(each_server.url) as producer:
            await producer.enqueue({}, destination="stores")
            await producer.aclose()
            await producer.enqueue({}, destination="stores")

    before = connected(store)
    asyncio.run(app())
    gc.collect()  # what was left open would warn here
    for _ in range(2000):  # the server hears of it a moment later
        if connected(store) <= before:
            break
        time.sleep(0.01)
    assert connected(store) <= before


def test_the_loop_goes_on_while_a_frozen_server_is_given_up(own_server: Any) -> None:
    server = own_server()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    async def app() -> None:
        async with AsyncProducer(server.url, timeout_seconds=2.0) as producer:
            await producer.enqueue({"event_id": "1"}, destination="stores")
            counting = asyncio.create_task(count())
            server.process.send_signal(signal.SIGSTOP)
            started = time.monotonic()
            with pytest.raises(Unavailable) as caught:
                await producer.enqueue({"event_id": "2"}, destination="stores")
            assert caught.value.maybe_stored
            assert time.monotonic() - started < 9.0
            server.process.send_signal(signal.SIGCONT)
            await producer.enqueue({"event_id": "3"}, destination="stores")
            counting.cancel()

    asyncio.run(app())
    assert turns > 20
    with server.client() as client:
        assert sorted(stored(client)) == ["1", "2", "3"]


def test_an_answer_that_never_came_is_not_asked_for_twice(fake_redis: Any) -> None:
    server = fake_redis(lambda command: None if b"EVAL" in command else healthy(command))

    async def app() -> None:
        async with AsyncProducer(server.url, timeout_seconds=2.0) as producer:
            with pytest.raises(Unavailable, match="may have been stored") as caught:
                await producer.enqueue({}, destination="stores")
            assert caught.value.maybe_stored

    asyncio.run(app())
    assert sum(command.count(b"EVAL") for command in server.received) == 1


def test_a_cancelled_call_does_not_leave_its_answer_for_the_next(fake_redis: Any) -> None:
    late = [b":0\r\n"]  # would say that the inbox is full
    asked, given_up = threading.Event(), threading.Event()

    def answer(command: bytes) -> bytes | None:
        if b"EVAL" in command and late:
            asked.set()
            assert given_up.wait(60)
            return late.pop()
        return healthy(command)

    async def app() -> None:
        async with AsyncProducer(fake_redis(answer).url) as producer:
            call = asyncio.create_task(producer.enqueue({"event_id": "1"}, destination="stores"))
            await asyncio.to_thread(asked.wait, 60)
            await asyncio.sleep(0.1)  # so that it waits: who is cancelled while sending may not notice before 3.12
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            assert call.cancelled()
            given_up.set()
            await asyncio.sleep(0.2)
            assert await producer.enqueue({"event_id": "2"}, destination="stores") == "2"

    asyncio.run(app())


def test_an_idle_connection_that_the_server_ended_costs_nothing(fake_redis: Any) -> None:
    server = fake_redis(healthy)

    async def app() -> None:
        async with AsyncProducer(server.url) as producer:
            await producer.enqueue({"event_id": "1"}, destination="stores")
            server.close_connections()
            await asyncio.sleep(0.05)
            await producer.enqueue({"event_id": "2"}, destination="stores")

    asyncio.run(app())
    assert server.accepted == 2


def test_a_moved_slot_is_followed(fake_redis: Any) -> None:
    second = fake_redis(healthy)
    first = fake_redis(
        lambda command: b"-MOVED 1 127.0.0.1:%d\r\n" % second.port if b"EVAL" in command else healthy(command)
    )

    async def app() -> None:
        async with AsyncProducer(f"redis+cluster://127.0.0.1:{first.port}") as producer:
            await producer.enqueue({"event_id": "1"}, destination="stores")

    asyncio.run(app())
    assert any(b"EVALSHA" in command for command in second.received)


def test_a_sentinel_is_asked_for_the_master(fake_redis: Any) -> None:
    master = fake_redis(healthy)
    port = str(master.port).encode()
    sentinel = fake_redis(
        lambda command: (
            b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%b\r\n" % (len(port), port)
            if b"SENTINEL" in command
            else healthy(command)
        )
    )

    async def app() -> None:
        async with AsyncProducer(f"redis+sentinel://127.0.0.1:{sentinel.port}/main") as producer:
            await producer.enqueue({"event_id": "1"}, destination="stores")

    asyncio.run(app())
    assert any(b"EVALSHA" in command for command in master.received)


def test_a_port_where_nobody_listens_and_a_server_that_is_silent(fake_redis: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def app(url: str, message: str, timeout_seconds: float) -> None:
        async with AsyncProducer(url, timeout_seconds=timeout_seconds) as producer:
            with pytest.raises(Unavailable, match=message) as caught:
                await producer.enqueue({}, destination="stores")
            assert not caught.value.maybe_stored
            assert "hunter2" not in str(caught.value)

    asyncio.run(app(f"redis://u:hunter2@127.0.0.1:{port}", "check REDIS_URL", 10.0))
    asyncio.run(app(fake_redis(lambda _: None).url, "cannot be reached", 0.2))
    gc.collect()


def test_a_wake_up_is_sent_aside(own_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setattr("tiktok_events.storing.DEDUPLICATION_MS", 60_000)  # on a busy machine two take a while
    server = own_server()  # Celery keeps its connections open

    async def app() -> None:
        async with AsyncProducer(server.url, wake=True) as producer:
            await producer.enqueue({}, destination="stores")
            await producer.enqueue({}, destination="stores")

    asyncio.run(app())
    with server.client() as client:
        assert client.llen(keys.CELERY_QUEUE) == 1


def test_a_url_that_is_none_is_an_enqueue_error() -> None:
    with pytest.raises(EnqueueError, match="begins with redis://"):
        AsyncProducer("cache:6379")
