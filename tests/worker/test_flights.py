"""What several batches under way at once may do to each other: nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from worker.flights import MOST_BATCHES, MOST_EVENTS, Flights


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MOST_BATCHES) as pool:
        yield pool


class Crowd:
    """Counts how many are in it at once; the first of them stay until it is as full as it may get, and for a moment."""

    def __init__(self, room: int) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0
        self.room, self.full = room, threading.Event()

    def visit(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside == self.room:
                self.full.set()
        assert self.full.wait(60)
        time.sleep(0.02)
        with self.lock:
            self.inside -= 1


@pytest.mark.parametrize(("events", "at_once"), [(1, MOST_BATCHES), (1000, MOST_EVENTS // 1000), (MOST_EVENTS * 2, 1)])
def test_no_more_are_under_way_than_there_is_room_for(executor: ThreadPoolExecutor, events: int, at_once: int) -> None:
    flights, crowd = Flights(executor), Crowd(at_once)
    for _ in range(at_once * 3):
        flights.launch("stores", events, crowd.visit)
    flights.land()
    assert crowd.most == at_once


def test_a_fault_of_one_destination_is_noted_and_ends_no_other(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    flights, done = Flights(executor), []

    def fail() -> None:
        raise ZeroDivisionError("person@example.com")

    flights.launch("broken", 1, fail)
    flights.launch("stores", 1, lambda: done.append("stores"))
    flights.land()
    assert done == ["stores"]
    assert flights.broken == {"broken"}
    (record,) = caplog.records
    assert (record.__dict__["destination"], record.levelname) == ("broken", "ERROR")
    assert "person" not in record.getMessage()


def test_an_absent_redis_is_told_after_the_last_has_landed(executor: ThreadPoolExecutor) -> None:
    flights, done = Flights(executor), []

    def fail() -> None:
        raise RedisConnectionError

    for act in (fail, lambda: done.append(1), fail, lambda: done.append(2)):
        flights.launch("stores", 1, act)
    with pytest.raises(RedisConnectionError):
        flights.land()
    assert sorted(done) == [1, 2]
