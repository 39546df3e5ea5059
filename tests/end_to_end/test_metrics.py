"""What a monitor sees of real workers: figures that never go down, and a probe that tells stuck from idle."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tiktok_events import Producer
from worker.flights import MOST_BATCHES
from worker.metrics.names import FLEET, WORKER
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]
ROOT = Path(__file__).parents[2]
COUNTERS = ("_total", "_bucket", "_count", "_sum")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Monitor:
    """What scrapes and probes one fleet. Each worker has a port; all share a folder of state files."""

    def __init__(self, fleet: Any) -> None:
        self.fleet = fleet
        self.ports: list[int] = []
        self.states = fleet.folder / "states"
        fleet.environment["TIKTOK_EVENTS_STATE_DIR"] = str(self.states)

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        self.ports.append(free_port())
        self.fleet.environment["METRICS_PORT"] = str(self.ports[-1])
        worker: subprocess.Popen[bytes] = self.fleet.start(**options)
        return worker

    def get(self, path: str, worker: int = 0) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[worker]}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def samples(self, worker: int = 0) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        families = text_string_to_metric_families(self.get("/metrics", worker)[1])
        return {
            (each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples
        }

    def value(self, name: str, worker: int = 0, **labels: str) -> float:
        return self.samples(worker).get((name, frozenset(labels.items())), 0.0)

    def probe(self, *options: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "worker", "healthcheck", *options],
            cwd=ROOT,
            env=self.fleet.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert not done.stderr
        return done.returncode, done.stdout

    def up(self, worker: int = 0) -> None:
        def answers() -> bool:
            try:
                return self.value("tiktok_events_worker_slots", worker) == 2
            except OSError:
                return False

        self.until(answers)

    def until(self, holds: Callable[[], bool], *, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.fleet.log()[-4000:]
            time.sleep(0.05)


@pytest.fixture
def watch(make_fleet: Callable[..., Any]) -> Callable[..., Monitor]:
    return lambda settings="", **more: Monitor(make_fleet(settings, **more))


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(each) for each in found.split()]


def test_every_metric_is_told_and_counters_outlive_the_processes_that_counted(
    watch: Callable[..., Monitor], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    monitor = watch('batch_size = 50\ntimeout = "1s"\ntake_back_after = "3s"')
    workers = [monitor.start(), monitor.start()]
    for number in range(2):
        monitor.up(number)
    sandbox.fault("slow", seconds=0.02)
    before: list[Any] = [{}, {}]

    def never_less() -> None:
        for number, known in enumerate(before):
            now = monitor.samples(number)
            for key, value in known.items():
                if key[0].endswith(COUNTERS):
                    assert now[key] >= value, key
            before[number] = now

    with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
        for round_ in range(2):
            first = round_ * 2000
            events = (order_completed(number) for number in range(first, first + 2000))
            producer.enqueue_many(events, destination="stores")
            monitor.fleet.wait(lambda now, first=first: now.totals.get("delivered", 0) > first + 200)
            never_less()
            victim = children_of(workers[round_ % 2])[0]
            os.kill(victim, signal.SIGKILL)
            monitor.until(lambda victim=victim: all(victim not in children_of(each) for each in workers))
            never_less()
    monitor.fleet.wait(lambda now: now.waiting + now.in_flight + now.scheduled == 0)
    never_less()
    told = [dict(each) for each in before]
    key = ("tiktok_events_settled_total", frozenset({("destination", "stores"), ("fate", "delivered")}))
    ended = monitor.fleet.look().totals
    # The fleet's figures are the same, whoever is asked; they may be a second old.
    for n in (0, 1):
        monitor.until(
            lambda n=n: (
                monitor.value("tiktok_events_settled_total", n, destination="stores", fate="delivered")
                == ended["delivered"]
            )
        )
    assert key in told[0]
    started = sum(monitor.value("tiktok_events_worker_processes_started_total", n) for n in (0, 1))
    assert started == 4 + 2
    requests = sum(
        value
        for n in (0, 1)
        for (name, labels), value in monitor.samples(n).items()
        if name == "tiktok_events_request_seconds_count"
    )
    # What two killed processes were waiting for was sent and never counted.
    assert len(sandbox.requests) - 2 * MOST_BATCHES <= requests <= len(sandbox.requests)
    names = {name for name, _ in monitor.samples()}
    assert {metric.name for metric in (*FLEET.values(), *WORKER.values())} <= {
        name.removesuffix("_count") for name in names
    }
    allowed = {each for metric in (*FLEET.values(), *WORKER.values()) for each in metric.samples()}
    assert names <= allowed
    assert "person" not in monitor.get("/metrics")[1]


@contextmanager
def endless_answer() -> Iterator[str]:
    """A TikTok whose answer never ends: a byte now and then, so that no timeout ever strikes."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(taken,), daemon=True).start()

    def drip(taken: socket.socket) -> None:
        with taken:
            taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not over.wait(0.1):
                try:
                    taken.sendall(b" ")
                except OSError:
                    return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        over.set()
        listening.close()


def test_an_answer_without_end_is_given_up_and_nobody_is_stuck(
    watch: Callable[..., Monitor], order_completed: MakeOrder
) -> None:
    with endless_answer() as url:
        monitor = watch('timeout = "500ms"\ntake_back_after = "2s"', url=url)
        monitor.start()
        monitor.up()
        with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
            producer.enqueue(order_completed(1), destination="stores")
        monitor.fleet.wait(lambda now: now.totals.get("retried", 0) >= 2)
        assert monitor.probe("--stuck-after", "15") == (0, "healthy\n")
        assert monitor.get("/healthz") == (200, "healthy\n")


def test_a_process_stopped_in_the_middle_of_its_work_makes_the_worker_stuck(
    watch: Callable[..., Monitor], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    monitor = watch()
    worker = monitor.start()
    monitor.up()
    sandbox.fault("slow", seconds=8)
    with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    monitor.until(lambda: monitor.value("tiktok_events_worker_events") == 1)
    children = children_of(worker)
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        code, told = monitor.probe()
        assert (code, told.count("is stopped")) == (1, 2)
        assert monitor.get("/healthz")[0] == 503
        assert monitor.value("tiktok_events_worker_healthy") == 0
    finally:
        for pid in children:
            os.kill(pid, signal.SIGCONT)
    monitor.until(lambda: monitor.probe()[0] == 0)


def test_a_worker_stopped_as_a_whole_is_stuck_and_one_that_is_gone_is_none(watch: Callable[..., Monitor]) -> None:
    monitor = watch()
    assert monitor.probe()[0] == 1
    worker = monitor.start()
    monitor.up()
    worker.send_signal(signal.SIGSTOP)
    assert f"process {worker.pid} is stopped" in monitor.probe()[1]
    worker.send_signal(signal.SIGCONT)
    monitor.fleet.kill(worker)
    assert list(monitor.states.iterdir())
    code, told = monitor.probe()
    assert (code, told.startswith("no worker runs here")) == (1, True)
    assert not list(monitor.states.iterdir()), "what a killed worker left is removed"
    worker = monitor.start()
    monitor.up(1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(90) == 0
    assert not list(monitor.states.iterdir())


def test_an_idle_worker_is_healthy_and_so_is_one_whose_redis_is_away(
    watch: Callable[..., Monitor], own_server: Any, order_completed: MakeOrder
) -> None:
    monitor = watch()
    monitor.start()
    monitor.up()
    # Idle for longer than this bound: only the waker turns.
    time.sleep(4)
    # On a machine that stands still the waker does, too, for once.
    monitor.until(lambda: monitor.probe("--stuck-after", "3.5") == (0, "healthy\n"))
    own_server.kill()
    # The waker's own waits grow to five seconds.
    time.sleep(9)
    away = "the broker does not answer (ConnectionError): no fault of this worker"
    monitor.until(lambda: monitor.probe("--stuck-after", "8") == (0, f"healthy\n{away}\n"))
    assert monitor.value("tiktok_events_redis_up") == 0
    assert monitor.value("tiktok_events_worker_healthy") == 1
    own_server.start()
    with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    monitor.fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
    monitor.until(lambda: monitor.value("tiktok_events_redis_up") == 1)


def test_a_worker_that_takes_no_wake_ups_is_stuck(
    watch: Callable[..., Monitor], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    monitor = watch()
    monitor.start()
    monitor.up()
    control = [sys.executable, "-m", "celery", "-A", "worker", "control", "cancel_consumer", "tiktok-events"]
    subprocess.run(control, cwd=ROOT, env=monitor.fleet.environment, check=True, capture_output=True)
    with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    monitor.until(lambda: bool(monitor.fleet.redis.llen("tiktok-events")))
    # Longer than the waker's turns, which are a second or so.
    monitor.until(lambda: "wake-ups wait in the broker" in monitor.probe("--stuck-after", "3.5")[1])
    assert monitor.probe("--stuck-after", "3.5")[0] == 1


def test_a_port_that_is_taken_stops_no_delivery_and_a_wrong_one_no_worker_starts_with(
    watch: Callable[..., Monitor], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    monitor = watch()
    with socket.create_server(("127.0.0.1", 0)) as held:
        monitor.fleet.environment["METRICS_PORT"] = str(held.getsockname()[1])
        monitor.fleet.start()
        with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
            producer.enqueue(order_completed(1), destination="stores")
        monitor.fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
    assert "metrics are not served" in monitor.fleet.log()
    monitor.fleet.environment["METRICS_PORT"] = "many"
    assert monitor.fleet.start().wait(90) == 78
    assert "METRICS_PORT: must be a port number" in monitor.fleet.log()


def test_a_worker_without_a_pool_of_processes_is_judged_as_one(
    watch: Callable[..., Monitor], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    monitor = watch()
    monitor.start(pool="solo", concurrency=1)
    with Producer(monitor.fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    monitor.fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
    time.sleep(4)
    monitor.until(lambda: monitor.probe("--stuck-after", "3.5") == (0, "healthy\n"))
    assert monitor.value("tiktok_events_worker_slots") == 1
    assert monitor.value("tiktok_events_worker_tasks_total", task="serve", result="done") >= 1
    assert monitor.value("tiktok_events_worker_processes_started_total") == 0
