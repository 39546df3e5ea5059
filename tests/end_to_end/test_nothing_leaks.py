"""Marked values go through deliveries and failures; nothing that comes out holds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import celery

from tiktok_events import Producer
from worker.sandbox import Sandbox

CANARIES = ("canary-mail@example.com", "2025550199", "canary-user", "canary-ttclid", "203.0.113.77")


def canary_event(number: int, **properties: Any) -> dict[str, Any]:
    mail, phone, user, click, address = CANARIES
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m-{number}",
        "userId": user,
        "context": {"traits": {"email": mail, "phone": f"+1{phone}"}, "ip": address},
        "properties": {"ttclid": click, "value": 1, "currency": "USD", "products": [], **properties},
    }


def test_logs_sentry_celery_and_keys_hold_no_identifier(
    make_fleet: Callable[..., Any], sandbox: Sandbox, receiver: Any
) -> None:
    fleet = make_fleet('retry = { min_backoff = "100ms", max_attempts = 2 }\nguard = { max_dead_share = 1 }')
    fleet.environment |= {"SENTRY_DSN": receiver.dsn, "LOG_LEVEL": "DEBUG", "SENTRY_TRACES_SAMPLE_RATE": "1"}
    mail = CANARIES[0]
    sandbox.fault("code", code=40002, message=f"Invalid value for email: {mail}.", match={"event_id": "m-1"})
    sandbox.fault("code", code=50000, message=f"failed for {mail}", times=1)
    broker = fleet.environment["REDIS_URL"].replace("unix://", "redis+socket://")
    host = celery.Celery("host", broker=broker, set_as_current=False)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        for number in (1, 2, 3):
            producer.enqueue(canary_event(number), destination="stores")
        producer.enqueue(canary_event(4, value=mail, email=mail), destination="stores")
        producer.enqueue(canary_event(5) | {"event": mail}, destination="stores")
    # An app that uses a wrong task name, or the right one: neither may make a worker print the event.
    for task in ("tiktok_events.enqueue", "tiktok_events.enqeue"):
        host.send_task(task, args=["stores", canary_event(6)], queue="tiktok-events")
    fleet.redis.xadd("tiktok-events:{stores}:inbox", {"event": f"not json {mail}"})
    fleet.start()
    fleet.wait(lambda now: now.dead == 4 and now.totals.get("delivered", 0) == 3)
    sandbox.fault("code", code=40105, message=f"Access token of {mail} is invalid")
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((canary_event(number) for number in range(10, 40)), destination="stores")
    fleet.wait(lambda now: now.pause is not None)
    letters = fleet.run("worker", "dead-letters", "list") + fleet.run("worker", "dead-letters", "list", "--json")
    for letter in fleet.json("dead-letters", "list"):
        letters += fleet.run("worker", "dead-letters", "show", letter["ref"])
    fleet.wait(lambda _: bool(receiver.envelopes))
    for process in fleet.workers:
        process.terminate()
        process.wait(timeout=90)

    told = {
        "logs": fleet.log(),
        "commands": letters,
        "sentry": b"\n".join(receiver.envelopes).decode(),
        "keys": " ".join(key.decode() for key in fleet.redis.scan_iter()),
        "dead letters' meta": b" ".join(fleet.redis.hvals("tiktok-events:{stores}:dead:meta")).decode(),
    }
    for place, text in told.items():
        found = [canary for canary in CANARIES if canary in text]
        assert not found, f"{place} hold {found}"
    assert "batch settled" in told["logs"]


def test_an_incident_is_one_sentry_event_however_many_events_it_stops(
    make_fleet: Callable[..., Any], sandbox: Sandbox, receiver: Any
) -> None:
    fleet = make_fleet("batch_size = 10")
    fleet.environment["SENTRY_DSN"] = receiver.dsn
    sandbox.fault("code", code=40105)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((canary_event(number) for number in range(100)), destination="stores")
    process = fleet.start()
    fleet.wait(lambda now: now.pause is not None and now.in_flight == 0)
    process.terminate()
    process.wait(timeout=90)
    events = receiver.items("event")
    assert [event["message"] for event in events] == ["paused: stores"]
    assert events[0]["fingerprint"] == ["tiktok-events", "paused", "stores"]
    assert events[0]["tags"].items() >= {"incident": "paused", "destination": "stores"}.items()
