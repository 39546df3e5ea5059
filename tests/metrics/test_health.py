"""What stuck means, rule by rule, with a clock turned by hand."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py

from worker.connection import connect
from worker.metrics import health
from worker.metrics.board import Board, Head, Own
from worker.metrics.meter import Meter
from worker.metrics.readiness import readiness

BOUND = 60.0
START = 1000.0


class Worker:
    """A board with a parent and one pool process, both of them this one, and a clock."""

    def __init__(self) -> None:
        self.now = START
        self.board = Board.made(Head(stuck_after_seconds=BOUND, started_at=START))
        self.parent = Meter(self.board.row(0), clock=lambda: self.now)
        self.child = Meter(self.board.row(1), clock=lambda: self.now)

    def after(self, seconds: float) -> list[str]:
        """The faults when so much time has passed, in which the waker turned."""
        self.now += seconds
        self.parent.waker_turned()
        return health.faults(self.board, now=self.now)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def gone() -> Iterator[int]:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        yield process.pid


def test_a_worker_without_work_is_healthy_for_ever(worker: Worker) -> None:
    assert worker.after(30 * 86400) == []


def test_a_task_without_progress_is_stuck_after_the_bound(worker: Worker) -> None:
    worker.child.began()
    assert worker.after(BOUND) == []
    (fault,) = worker.after(1)
    assert fault == f"process {os.getpid()} runs a task and has shown no progress for 61 s"


@pytest.mark.parametrize(
    "shown",
    [
        lambda meter: meter.progress(),
        lambda meter: meter.claimed("events", 1),
        lambda meter: meter.stage("events", "prepare", 0.1),
        lambda meter: meter.request("events", "unavailable", 10.0),
        lambda meter: meter.settled("events", 1, 10.0),
        lambda meter: meter.ended("deliver"),
    ],
)
def test_any_step_is_progress_however_long_the_task_takes(worker: Worker, shown: Callable[[Meter], None]) -> None:
    worker.child.began()
    for _ in range(5):
        assert worker.after(BOUND - 1) == []
        shown(worker.child)


def test_a_waker_that_does_not_turn_is_stuck(worker: Worker) -> None:
    worker.now += BOUND + 1
    assert health.faults(worker.board, now=worker.now) == ["the waker has not turned for 61 s"]


def test_a_waker_that_delivers_by_itself_turns(worker: Worker) -> None:
    worker.now += BOUND + 1
    worker.parent.request("events", "delivered", 0.1)
    assert health.faults(worker.board, now=worker.now) == []


def test_a_dead_process_is_the_pools_business_until_the_pool_does_not_see_to_it(worker: Worker, gone: int) -> None:
    worker.child.began()
    worker.board.row(1)[Own.PID] = gone
    assert worker.after(BOUND) == []
    assert worker.after(1) == ["no pool process lives, and none did anything for 61 s"]


def test_a_bound_of_the_probes_own_replaces_the_workers(worker: Worker) -> None:
    worker.child.began()
    assert worker.after(5) == []
    assert health.faults(worker.board, now=worker.now, stuck_after_seconds=4)


@pytest.mark.parametrize(
    ("idle", "counts", "stuck"),
    [
        (BOUND + 1, [3, 3], True),
        (BOUND + 1, [0], False),
        (BOUND + 1, [3, 0], False),
        (BOUND - 1, [3, 3], False),
    ],
    ids=["left waiting", "none waiting", "taken meanwhile", "worked lately"],
)
def test_wake_ups_that_an_idle_worker_leaves_waiting_are_a_fault(
    worker: Worker, idle: float, counts: list[int], stuck: bool
) -> None:
    worker.now += idle
    asked = iter(counts)
    found = health.takes_no_wake_ups(worker.board, lambda: next(asked), now=worker.now, sleep=lambda _: None)
    assert bool(found) == stuck


def test_a_worker_that_begins_a_task_between_two_looks_takes_wake_ups(worker: Worker) -> None:
    worker.now += BOUND + 1
    found = health.takes_no_wake_ups(worker.board, lambda: 3, now=worker.now, sleep=lambda _: worker.child.began())
    assert found == []


def test_a_busy_worker_is_not_asked_for_wake_ups(worker: Worker) -> None:
    worker.child.began()
    worker.now += BOUND + 1
    assert health.takes_no_wake_ups(worker.board, pytest.fail, now=worker.now) == []


@pytest.mark.parametrize("url", ["amqp://user:secret@127.0.0.1/", "sqs://"])
def test_a_broker_that_is_no_redis_is_not_asked(worker: Worker, url: str) -> None:
    worker.now += BOUND + 1
    worker.parent.waker_turned()
    assert health.examined(worker.board, url, now=worker.now) == health.Examined(())


def test_a_broker_that_does_not_answer_is_a_note_without_its_url(worker: Worker) -> None:
    worker.now += BOUND + 1
    worker.parent.waker_turned()
    found = health.examined(worker.board, "redis://:secret@127.0.0.1:1/0", now=worker.now)
    assert not found.faults
    assert found.text() == "healthy\nthe broker does not answer (ConnectionError): no fault of this worker\n"


def test_the_web_process_is_ready_while_redis_answers(redis: redis_py.Redis) -> None:
    assert readiness(redis).status == 200
    with connect("redis://127.0.0.1:1", timeout_seconds=0.5) as away:
        found = readiness(away)
    assert (found.status, found.text) == (503, "redis does not answer (ConnectionError)\n")


def test_processes_are_seen_as_the_kernel_has_them(worker: Worker, gone: int) -> None:
    worker.board.row(1)[Own.PID] = gone
    parent, child = health.processes(worker.board, now=time.monotonic())
    assert (parent.lives, child.lives) == (True, False)
