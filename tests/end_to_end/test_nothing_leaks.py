"""Marked values go through deliveries and failures; nothing that comes out holds one."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import celery
import orjson
import pytest

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


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """A Sentry on loopback: its DSN, and the envelopes it got."""
    envelopes: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            envelopes.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", envelopes
    server.shutdown()
    server.server_close()
    thread.join()


def test_logs_sentry_celery_and_keys_hold_no_identifier(
    make_fleet: Callable[..., Any], sandbox: Sandbox, receiver: tuple[str, list[bytes]]
) -> None:
    dsn, envelopes = receiver
    fleet = make_fleet('retry = { min_backoff = "100ms", max_attempts = 2 }\nguard = { max_dead_share = 1 }')
    fleet.environment |= {"SENTRY_DSN": dsn, "LOG_LEVEL": "DEBUG"}
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
    fleet.wait(lambda _: bool(envelopes))
    for process in fleet.workers:
        process.terminate()
        process.wait(timeout=30)

    told = {
        "logs": fleet.log(),
        "commands": letters,
        "sentry": b"\n".join(envelopes).decode(),
        "keys": " ".join(key.decode() for key in fleet.redis.scan_iter()),
        "dead letters' meta": b" ".join(fleet.redis.hvals("tiktok-events:{stores}:dead:meta")).decode(),
    }
    for place, text in told.items():
        found = [canary for canary in CANARIES if canary in text]
        assert not found, f"{place} hold {found}"
    assert "batch settled" in told["logs"]


def test_an_incident_is_one_sentry_event_however_many_events_it_stops(
    make_fleet: Callable[..., Any], sandbox: Sandbox, receiver: tuple[str, list[bytes]]
) -> None:
    dsn, envelopes = receiver
    fleet = make_fleet("batch_size = 10")
    fleet.environment["SENTRY_DSN"] = dsn
    sandbox.fault("code", code=40105)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((canary_event(number) for number in range(100)), destination="stores")
    process = fleet.start()
    fleet.wait(lambda now: now.pause is not None and now.in_flight == 0)
    process.terminate()
    process.wait(timeout=30)
    events = [
        orjson.loads(body)
        for envelope in envelopes
        for header, body in zip(envelope.split(b"\n")[1::2], envelope.split(b"\n")[2::2], strict=False)
        if orjson.loads(header).get("type") == "event"
    ]
    assert [event["message"] for event in events] == ["paused: stores"]
    assert events[0]["fingerprint"] == ["tiktok-events", "paused", "stores"]
    assert events[0]["tags"].items() >= {"incident": "paused", "destination": "stores"}.items()
