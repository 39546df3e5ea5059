"""How commands get their answers over connections that are kept: each its own, whatever became of those before."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis as redis_py
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from worker.connection import connect
from worker.exchange import exchange


@pytest.fixture
def client(redis_url: str, redis: redis_py.Redis) -> Iterator[redis_py.Redis]:
    made = connect(redis_url)
    yield made
    made.close()


def connection_id(client: redis_py.Redis) -> int:
    (found,) = exchange(client, [("CLIENT", "ID")])
    return int(found)


def test_answers_come_in_order_and_a_refusal_is_one(client: redis_py.Redis) -> None:
    answers = exchange(client, [("SET", "a", 1.5), ("LPUSH", "a", "x"), ("GET", "a"), ("XRANGE", "none", "-", "+")])
    assert (answers[0], answers[2], answers[3]) == (b"OK", b"1.5", [])
    assert isinstance(answers[1], ResponseError)


def test_a_connection_is_used_again(client: redis_py.Redis) -> None:
    assert connection_id(client) == connection_id(client)


def test_threads_get_their_own_answers(client: redis_py.Redis) -> None:
    both = threading.Barrier(8)

    def echo(number: int) -> bool:
        both.wait(60)
        return all(
            exchange(client, [("ECHO", f"{number}:{turn}")]) == [f"{number}:{turn}".encode()] for turn in range(200)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(echo, range(8)))


def test_a_connection_that_the_server_closed_is_opened_again_before_anything_is_sent(
    redis_url: str, redis: redis_py.Redis
) -> None:
    client = connect(redis_url, retries=0)
    first = connection_id(client)
    redis.client_kill_filter(_id=str(first))
    assert connection_id(client) != first
    client.close()


def test_an_exchange_that_is_cut_off_is_made_once_more(client: redis_py.Redis, redis: redis_py.Redis) -> None:
    waiting = connection_id(client)
    cut = threading.Timer(0.2, redis.client_kill_filter, kwargs={"_id": str(waiting)})
    cut.start()
    assert exchange(client, [("BLPOP", "nothing", 1), ("ECHO", "there")]) == [None, b"there"]
    cut.join()


def test_who_interrupts_one_leaves_no_answer_for_the_next(
    client: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id(client)

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("worker.exchange._answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            exchange(client, [("ECHO", "of before")])
    assert exchange(client, [("ECHO", "of now")]) == [b"of now"]


def test_a_server_that_is_away_is_an_error() -> None:
    client = connect("redis://127.0.0.1:1", retries=0)
    for _ in range(2):
        with pytest.raises(RedisConnectionError):
            exchange(client, [("PING",)])


def test_a_forked_child_has_connections_of_its_own(client: redis_py.Redis) -> None:
    own = connection_id(client)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, str(connection_id(client)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        of_child = int(told.read())
    assert of_child != own
    assert connection_id(client) == own
