"""A master behind Sentinels: when it dies, workers, producers and Celery go on with its successor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tiktok_events import Producer, Unavailable
from worker.sandbox import Sandbox

SHORT_TIMEOUT = 0.5
"""Seconds; how soon a producer gives up a server that died decides how long a test takes."""

ENOUGH_TIME = 3.0
"""Seconds, for a producer whose events are to be stored, or refused, for sure."""

MakeOrder = Callable[..., dict[str, Any]]


class Load:
    """Producers that enqueue until they are stopped, each event under an id of its own."""

    def __init__(self, url: str, make: MakeOrder) -> None:
        self.stored: list[str] = []
        self.unsure: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._produce, args=(url, make, number)) for number in range(3)]
        for thread in self._threads:
            thread.start()

    def _produce(self, url: str, make: MakeOrder, number: int) -> None:
        at = 0
        with Producer(url, timeout_seconds=SHORT_TIMEOUT) as producer:
            while not self._stop.is_set():
                at += 1
                event = {**make(at), "messageId": f"{number}.{at}"}
                try:
                    self.stored.append(producer.enqueue(event, destination="stores"))
                except Unavailable as error:
                    if error.maybe_stored:
                        self.unsure.add(event["messageId"])
                    time.sleep(0.02)
                time.sleep(0.002)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def enqueue_until_stored(producer: Producer, event_id: str, *, seconds: float) -> list[bool]:
    """Return of each attempt that failed whether the event may have been stored by it."""
    outcomes: list[bool] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            producer.enqueue({"event_id": event_id}, destination="stores")
        except Unavailable as error:
            outcomes.append(error.maybe_stored)
        else:
            return outcomes
    raise AssertionError("never stored")


@pytest.mark.every_server
def test_workers_and_celery_follow_a_failover_and_events_that_a_replica_had_are_all_delivered(
    watched: Any, make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    # One URL for all: Celery's broker is behind the same Sentinels.
    fleet = make_fleet('timeout = "1s"\ntake_back_after = "3s"', redis_url=watched.url)
    fleet.start()
    load = Load(watched.url + "?wait_replicas=1", order_completed)
    try:
        fleet.wait(lambda _: len(load.stored) > 300)
        dead = watched.kill_master()
        # The successor has no replica until the old master comes back: no event counts as stored until then.
        before = len(load.stored)
        fleet.wait(lambda _: len(load.unsure) > 5)
        assert len(load.stored) <= before + 3
        dead.start()
        fleet.wait(lambda _: len(load.stored) > before + 300)
    finally:
        load.stop()
    fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled, now.dead) == (0, 0, 0, 0))
    assert set(load.stored) <= set(sandbox.deliveries)
    assert set(sandbox.deliveries) <= set(load.stored) | load.unsure


def test_without_waiting_a_failover_takes_along_at_most_what_the_replica_had_not_got(
    watched: Any, order_completed: MakeOrder
) -> None:
    load = Load(watched.url, order_completed)
    while len(load.stored) < 300:
        time.sleep(0.01)
    at = len(load.stored)
    watched.nodes[0].client.wait(1, 10_000)  # until the replica has these
    watched.nodes[1].client.execute_command("REPLICAOF", "NO", "ONE")  # cut off: what comes now is on the master alone
    alone = len(load.stored)
    while len(load.stored) < alone + 100:
        time.sleep(0.01)
    watched.nodes[0].kill()
    load.stop()
    kept = {fields["id"] for _, fields in watched.nodes[1].client.xrange("tiktok-events:{stores}:inbox")}
    lost = set(load.stored) - kept
    assert set(load.stored[:at]) - lost == set(load.stored[:at])
    assert len(lost) >= 100


def test_a_failover_that_a_producer_does_not_wait_out_stores_an_event_in_doubt_at_most_once(watched: Any) -> None:
    with Producer(watched.url, timeout_seconds=ENOUGH_TIME) as producer:
        producer.enqueue({"event_id": "before"}, destination="stores")
        watched.kill_master()
        outcomes = enqueue_until_stored(producer, "after", seconds=60)
    assert True not in outcomes
    entries: Any = watched.master.client.xrange("tiktok-events:{stores}:inbox")
    assert [fields["id"] for _, fields in entries] == ["before", "after"]


def test_a_demoted_master_refuses_and_its_successor_is_asked(watched: Any) -> None:
    with Producer(watched.url, timeout_seconds=ENOUGH_TIME) as producer:
        producer.enqueue({"event_id": "before"}, destination="stores")
        before = watched.master
        watched.asked[0].execute_command("SENTINEL", "FAILOVER", watched.service)
        end = time.monotonic() + 60
        while before.client.info("replication")["role"] == "master":
            assert time.monotonic() < end
            time.sleep(0.05)
        outcomes = enqueue_until_stored(producer, "after", seconds=60)
    assert len(outcomes) <= 3
    entries: Any = watched.master.client.xrange("tiktok-events:{stores}:inbox")
    assert [fields["id"] for _, fields in entries][-1] == "after"
