"""How it is heard at once that something was written, and what is asked for along with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker.hearing import listen_and_ask, newest
from worker.inbox import Inbox, Terms
from worker.keys import GROUP, Keys

KEYS = Keys("stores")
Put = Callable[..., None]


@pytest.fixture
def inbox(redis: redis_py.Redis) -> Inbox:
    made = Inbox(redis, KEYS, consumer="here")
    made.take("t", Terms())  # the server knows the script from here on
    return made


def put(redis: redis_py.Redis, number: int) -> None:
    redis.xadd(KEYS.inbox, {"event": orjson.dumps({"n": number}), "id": f"message-{number}"})


def seen(redis: redis_py.Redis) -> dict[str, str]:
    return {KEYS.inbox: newest(redis, [KEYS.inbox]).get(KEYS.inbox, "0-0")}


def test_an_event_comes_in_the_round_trip_that_hears_of_it(redis: redis_py.Redis, redis_url: str, inbox: Inbox) -> None:
    producer = redis_py.Redis.from_url(redis_url)
    writes = threading.Timer(0.2, put, (producer, 1))
    writes.start()
    question = inbox.question("u", Terms())
    redis.config_resetstat()
    written, answer = listen_and_ask(redis, {KEYS.inbox: "0-0"}, question, seconds=30)
    writes.join()
    assert written == [KEYS.inbox]
    assert [claimed.envelope.id for claimed in inbox.taken(answer, "u", Terms()).batch] == ["message-1"]
    assert redis.xpending(KEYS.inbox, GROUP)["pending"] == 1
    calls = {name: each["calls"] for name, each in redis.info("commandstats").items()}
    assert (calls["cmdstat_xread"], calls["cmdstat_evalsha"]) == (1, 1)
    producer.close()


def test_it_is_asked_for_when_nothing_was_written_too(redis: redis_py.Redis, inbox: Inbox) -> None:
    put(redis, 1)  # before, so that nobody hears of it
    written, answer = listen_and_ask(redis, seen(redis), inbox.question("u", Terms()), seconds=0.05)
    assert written == []
    assert len(inbox.taken(answer, "u", Terms()).batch) == 1


@pytest.mark.parametrize("fault", ["the script is unknown", "the script is refused"])
def test_without_an_answer_what_was_heard_is_told_all_the_same(redis: redis_py.Redis, inbox: Inbox, fault: str) -> None:
    put(redis, 1)
    if fault == "the script is unknown":
        redis.script_flush()
    else:
        redis.set(KEYS.slices, "of another type")
    written, answer = listen_and_ask(redis, {KEYS.inbox: "0-0"}, inbox.question("u", Terms()), seconds=5)
    assert (written, answer) == ([KEYS.inbox], None)


def test_a_stream_of_another_type_is_an_error(redis: redis_py.Redis, inbox: Inbox) -> None:
    redis.set("elsewhere", "text")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        listen_and_ask(redis, {"elsewhere": "0-0"}, inbox.question("u", Terms()), seconds=0.05)


def test_who_dies_while_it_waits_leaves_no_event_taken(redis: redis_py.Redis, redis_url: str, inbox: Inbox) -> None:
    """A connection that is gone is told nothing, and what it was to ask does not run."""
    dying = redis_py.Redis.from_url(redis_url)
    waits = threading.Thread(target=_wait_and_die, args=(dying, inbox.question("u", Terms())))
    waits.start()
    while redis.info("clients")["blocked_clients"] == 0:
        time.sleep(0.01)
    redis.client_kill_filter(_type="normal", skipme=True)
    waits.join()
    put(redis, 1)
    assert redis.xpending(KEYS.inbox, GROUP)["pending"] == 0


def _wait_and_die(redis: redis_py.Redis, question: Any) -> None:
    with pytest.raises(redis_py.ConnectionError):
        listen_and_ask(redis, {KEYS.inbox: "0-0"}, question, seconds=30)
