"""The page of retries: what is due when, tried now, given up."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis as redis_py

from worker import audit
from worker.dead_letters import Queries
from worker.envelope import Attempt, Envelope
from worker.keys import Keys

KEYS = Keys("stores")


@pytest.fixture
def now() -> float:
    return time.time()


@pytest.fixture
def visit(make_visit: Any, make_app: Any, now: float) -> Any:
    """Somebody to whom no time passes, so that two minutes are told as two minutes."""
    return make_visit(make_app(clock=lambda: now))


@pytest.fixture
def planned(redis: redis_py.Redis, now: float) -> None:
    """Schedule three: in one, two and three minutes."""
    for number in range(1, 4):
        attempt = Attempt(now, "unavailable", 50000, f"<b>try later {number}</b>", f"request-{number}")
        envelope = Envelope(f"{number}-0", f"message-{number}", b"{}", 1, attempts=number, history=(attempt,))
        redis.zadd(KEYS.due, {envelope.ref: (now + 60 * number) * 1000})
        redis.hset(KEYS.scheduled, envelope.ref, envelope.packed())


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def test_the_schedule_shows_the_next_first_with_its_last_error(visit: Any, planned: None) -> None:
    page = text(visit.get("/retries"))
    places = [page.index(f"message-{number}") for number in (1, 2, 3)]
    assert places == sorted(places)
    for told in ("in 2 min", "50000", "request-2", "&lt;b&gt;try later 2", "<b>3</b> events"):
        assert told in page
    assert "Nothing is scheduled" in text(visit.get("/retries?destination=_unknown"))
    assert visit.get("/retries?destination=nothing").status_code == 404


def test_one_is_tried_now_and_the_others_keep_their_time(visit: Any, redis: redis_py.Redis, planned: None) -> None:
    visit.get("/retries")
    visit.post("/retries/now", {"one": "stores:2-0", "ref": ["stores:1-0", "stores:3-0"]})
    due = [ref for ref in ("1-0", "2-0", "3-0") if redis.zscore(KEYS.due, ref) <= time.time() * 1000]
    assert due == ["2-0"]
    (told,) = audit.read(redis, limit=9)
    assert (told["action"], told["details"]) == ("retry now", {"refs": ["2-0"], "count": 1})


def test_all_are_tried_now(visit: Any, redis: redis_py.Redis, planned: None) -> None:
    visit.get("/retries")
    page = text(visit.get(visit.post("/retries/all-now").headers["Location"]))
    assert "3 will be tried now" in page
    assert redis.zcount(KEYS.due, "-inf", time.time() * 1000) == 3


def test_those_given_up_are_dead_letters_with_their_history(visit: Any, redis: redis_py.Redis, planned: None) -> None:
    visit.get("/retries")
    answer = visit.post("/retries/give-up", {"ref": ["stores:1-0", "stores:3-0", "stores:9-9"]})
    assert "2 became dead letters; 1 were being tried" in text(visit.get(answer.headers["Location"]))
    found = Queries(redis, KEYS).get("1-0")
    assert found is not None
    assert (found.reason, found.code, found.request_id) == ("given_up", 50000, "request-1")
    assert found.envelope.history[0].message == "<b>try later 1</b>"
    assert redis.zrange(KEYS.due, 0, -1) == [b"2-0"]
    assert "given_up" in text(visit.get("/dead-letters/stores/1-0"))
