"""A Redis Cluster: every destination whole on one server, and a server that dies takes no event along."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tiktok_events import AsyncProducer, Producer, Unavailable
from tiktok_events.keys import inbox
from worker.cluster import Command, ServerAway, ask_many
from worker.connection import connect
from worker.hearing import listen_and_ask
from worker.keys import WORKERS
from worker.sandbox import Sandbox
from worker.scripts import Call

SHORT_TIMEOUT = 0.5
"""Seconds; how soon a producer gives up a server that died decides how long a test takes."""

MakeOrder = Callable[..., dict[str, Any]]

DESTINATIONS = [f"shop-{number}" for number in range(20)]


def more(sandbox: Sandbox) -> str:
    return "".join(
        f"""
[destinations.{name}]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "{name}"
base_url = "{sandbox.url}"
timeout = "1s"
take_back_after = "3s"
"""
        for name in DESTINATIONS
    )


@pytest.mark.every_server
def test_a_master_that_dies_takes_no_event_of_twenty_destinations_along(
    clustered: Any, own_server: Any, make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    # The broker is a server of its own: Celery cannot use a cluster.
    fleet = make_fleet(
        redis_url=clustered.url, broker_url=own_server.url.replace("unix", "redis+socket"), more=more(sandbox)
    )
    fleet.start()
    # One that starts in the moment without a master ends, and would have to be started again.
    fleet.wait(lambda _: bool(fleet.redis.exists(WORKERS)), destination=DESTINATIONS[0])
    stored: dict[str, set[str]] = {name: set() for name in DESTINATIONS}
    unsure = 0
    with Producer(clustered.url + "?wait_replicas=1", timeout_seconds=SHORT_TIMEOUT) as producer:
        for number in range(1500):
            if number == 700:
                threading.Thread(target=clustered.replace, args=(clustered.owner(inbox("shop-0")),)).start()
            name = DESTINATIONS[number % 20]
            event = {**order_completed(number), "messageId": f"{name}.{number}"}
            end = time.monotonic() + 90
            while True:
                try:
                    stored[name].add(producer.enqueue(event, destination=name))
                    break
                except Unavailable as error:
                    # Sent again under the same id: what was stored after all is dropped as a duplicate.
                    unsure += error.maybe_stored
                    assert time.monotonic() < end
                    time.sleep(0.1)
    assert sum(map(len, stored.values())) == 1500
    for name in DESTINATIONS:
        fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled, now.dead) == (0, 0, 0, 0), destination=name)
    assert set(sandbox.deliveries) == set().union(*stored.values())


def test_events_are_heard_of_without_a_wake_up(
    clustered: Any, own_server: Any, make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet(
        redis_url=clustered.url, broker_url=own_server.url.replace("unix", "redis+socket"), more=more(sandbox)
    )
    fleet.start()
    with Producer(clustered.url) as producer:
        fleet.wait(
            lambda _: producer.enqueue(order_completed(0), destination="stores") and len(sandbox.deliveries) == 1
        )
        time.sleep(2)  # idle again: only who listens notices
        took = []
        for number, name in enumerate(DESTINATIONS[:10]):
            started = time.monotonic()
            producer.enqueue(order_completed(number + 1), destination=name)
            fleet.wait(lambda _, number=number: len(sandbox.deliveries) == number + 2)
            took.append(time.monotonic() - started)
    # Who only looks, looks at a quiet destination every five seconds or more.
    assert sorted(took)[5] < 1.5, took


def test_every_command_of_an_operator_works_on_a_cluster(
    clustered: Any, own_server: Any, make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet(
        redis_url=clustered.url, broker_url=own_server.url.replace("unix", "redis+socket"), more=more(sandbox)
    )
    fleet.start()
    with Producer(clustered.url) as producer:
        for name in DESTINATIONS[:5]:
            producer.enqueue({"type": "track"}, destination=name)  # refused: no event name
            producer.enqueue_many([order_completed(number) for number in range(20)], destination=name)
    for name in DESTINATIONS[:5]:
        fleet.wait(lambda now: now.dead == 1 and now.waiting == now.in_flight == 0, destination=name)
    assert {each["destination"]: each["dead"] for each in fleet.json("status") if each["dead"]} == dict.fromkeys(
        DESTINATIONS[:5], 1
    )
    assert len(fleet.json("dead-letters", "list")) == 5
    fleet.run("worker", "pause", "shop-1")
    fleet.run("worker", "resume", "shop-1")
    fleet.run("worker", "dead-letters", "replay", "--destination", "shop-0", "--all", "--yes")
    fleet.run("worker", "dead-letters", "discard", "--destination", "shop-1", "--all", "--yes")
    fleet.wait(lambda now: now.dead == 0, destination="shop-1")
    told = fleet.run("worker", "doctor", check=False)
    assert "does not answer" not in told
    assert "Traceback" not in told
    print(told)


@pytest.mark.every_server
def test_a_moved_slot_is_followed_without_a_loss(clustered: Any) -> None:
    """A slot goes from one master to another while producers add to it: MOVED and ASK, from real servers."""
    key = inbox("stores")
    source = clustered.owner(key)
    target = next(node for node in clustered.nodes[:3] if node is not source)
    slot = int(source.client.execute_command("CLUSTER", "KEYSLOT", key))
    stored: list[str] = []
    stop = threading.Event()
    refused: list[Unavailable] = []

    def produce() -> None:
        with Producer(clustered.url) as producer:
            while not stop.is_set():
                try:
                    stored.append(producer.enqueue({"event_id": str(len(stored))}, destination="stores"))
                except Unavailable as error:
                    refused.append(error)

    thread = threading.Thread(target=produce)
    thread.start()
    client = connect(clustered.url)
    try:
        while len(stored) < 200:
            time.sleep(0.01)
        target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", clustered.ids[source.port])
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", clustered.ids[target.port])
        while keys := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 30_000, "KEYS", *keys)
            time.sleep(0.1)
        before = len(stored)
        while len(stored) < before + 20 and not refused:
            time.sleep(0.01)
        for node in (target, source, *clustered.nodes[:3]):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", clustered.ids[target.port])
        after = len(stored)
        while len(stored) < after + 200:
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join()
    entries: Any = client.xrange(key)
    assert [fields[b"id"].decode() for _, fields in entries] == stored
    assert not [error for error in refused if error.maybe_stored]


def test_an_async_producer_reaches_every_server(clustered: Any) -> None:
    async def produce() -> None:
        async with AsyncProducer(clustered.url) as producer:
            for name in DESTINATIONS:
                await producer.enqueue_many([{"event_id": str(n)} for n in range(10)], destination=name)

    asyncio.run(produce())
    client = connect(clustered.url)
    assert [client.xlen(inbox(name)) for name in DESTINATIONS] == [10] * 20


def test_a_single_destination_is_waited_for_on_its_own_server(clustered: Any) -> None:
    key = inbox("shop-0")
    client, producer = connect(clustered.url), connect(clustered.url)
    writes = threading.Timer(0.5, producer.xadd, (key, {"event": b"{}"}))
    writes.start()
    # A script that is sent along is not run: that it follows its read is promised by one server, not by a cluster.
    assert listen_and_ask(client, {key: "0-0"}, Call("resign", [key], ["x"]), seconds=4.0) == ([key], None)
    writes.join()
    gone = clustered.owner(key)
    clustered.replace(gone)
    producer.xadd(key, {"event": b"{}"})
    assert listen_and_ask(client, {key: "0-0"}, None, seconds=4.0) == ([key], None)
    client.close()
    producer.close()


def test_many_are_asked_while_one_server_is_away(clustered: Any) -> None:
    client = connect(clustered.url, timeout_seconds=5.0)
    commands = [Command(inbox(name), ("XLEN", inbox(name))) for name in DESTINATIONS]
    assert ask_many(client, commands) == [0] * 20
    gone = clustered.owner(inbox("shop-0"))
    lost = {name for name in DESTINATIONS if clustered.owner(inbox(name)) is gone}
    gone.kill()
    answers = dict(zip(DESTINATIONS, ask_many(client, commands), strict=True))
    assert {name for name, answer in answers.items() if isinstance(answer, ServerAway)} == lost
    with pytest.raises(RedisConnectionError):
        ask_many(client, [command for command in commands if command.key == inbox("shop-0")])
    clustered.take_over_soon()
    end = time.monotonic() + 90
    while ask_many(client, commands) != [0] * 20:
        assert time.monotonic() < end
        time.sleep(0.1)
