"""Marked values go through every fate; no byte that Sentry, OpenTelemetry or the log gets holds one."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import redis as redis_py
import sentry_sdk
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tasks.deliver import deliver as task
from tiktok_events import Producer
from worker import logs
from worker.dead_letters import Filter, Queries
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox

KEYS = Keys("stores")
CANARIES = (
    "canary-mail@example.com",
    "2025550199",
    "canary-user",
    "canary-ttclid",
    "203.0.113.77",
    "canary-order",
    "canary-message-id",
    "canary-agent",
)


def canary_event(number: int, **properties: Any) -> dict[str, Any]:
    mail, phone, user, click, address, order, message, agent = CANARIES
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"{message}-{number}",
        "userId": user,
        "context": {"traits": {"email": mail, "phone": f"+1{phone}"}, "ip": address, "userAgent": agent},
        "properties": {"ttclid": click, "order_id": order, "value": 1, "currency": "USD", "products": [], **properties},
    }


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.start(stream=stream)
    root.setLevel("DEBUG")
    yield stream
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


Shake = Callable[[Sandbox, pytest.MonkeyPatch], None]


def nothing(_sandbox: Sandbox, _patch: pytest.MonkeyPatch) -> None:
    pass


def answer(code: int) -> Shake:
    def shake(sandbox: Sandbox, _patch: pytest.MonkeyPatch) -> None:
        sandbox.fault("code", code=code, message=f"failed for {' '.join(CANARIES)}.")

    return shake


def page(status: int) -> Shake:
    def shake(sandbox: Sandbox, _patch: pytest.MonkeyPatch) -> None:
        sandbox.fault("http", http_status=status, html=" ".join(CANARIES))

    return shake


def crash(_sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
    def fails(event: dict[str, Any], **_: object) -> None:
        told = dict(event)
        try:
            raise KeyError(told["userId"])
        except KeyError as error:
            raise ValueError(orjson.dumps(told).decode()) from error

    patch.setattr("schemas.mapper.Mapper.map", lambda _self, event, **given: fails(event, **given))


@pytest.mark.parametrize(
    ("shake", "seen"),
    [
        pytest.param(nothing, "delivered", id="success"),
        pytest.param(answer(40002), "rejected", id="refusal"),
        pytest.param(answer(50000), "retried", id="unavailable"),
        pytest.param(answer(20001), "partial", id="partial"),
        pytest.param(answer(40105), "paused", id="unauthorized"),
        pytest.param(answer(40007), "paused", id="misconfigured"),
        pytest.param(answer(40100), "deferred", id="throttled"),
        pytest.param(page(502), "retried", id="a page for an answer"),
        pytest.param(page(403), "paused", id="a page that forbids"),
        pytest.param(crash, "ValueError", id="exception inside mapping"),
    ],
)
def test_nothing_that_comes_out_holds_a_value(
    shake: Shake,
    seen: str,
    with_sentry: Any,
    written: io.StringIO,
    telemetry: InMemorySpanExporter,
    redis: redis_py.Redis,
    redis_url: str,
    make_runtime: Callable[..., Runtime],
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = make_runtime(guard={"max_dead_share": 1})
    monkeypatch.setattr("tasks.deliver.runtime", lambda: here)
    with (
        Producer(redis_url) as producer,
        sentry_sdk.start_transaction(name="checkout", sampled=True),
        trace.get_tracer("app").start_as_current_span("checkout"),
    ):
        producer.enqueue(canary_event(1), destination="stores")
        producer.enqueue(canary_event(2, currency=CANARIES[0], value=CANARIES[2]), destination="stores")
        producer.enqueue(canary_event(3) | {"event": CANARIES[2]}, destination="stores")
    redis.xadd(KEYS.inbox, {"event": f"not json {CANARIES[0]}", "traceparent": CANARIES[0]})
    shake(sandbox, monkeypatch)
    task.apply(("stores", "token"))
    sentry_sdk.flush(timeout=60)

    told = {
        "sentry": b"\n".join(with_sentry.envelopes).decode(),
        "opentelemetry": "\n".join(span.to_json() for span in telemetry.get_finished_spans()),
        "logs": written.getvalue(),
    }
    for place, text in told.items():
        assert not [canary for canary in CANARIES if canary in text], place
    assert seen in "\n".join(told.values())
    if seen == "ValueError":
        (event,) = with_sentry.items("event")
        assert [value["type"] for value in event["exception"]["values"]] == ["KeyError", "ValueError"]
    else:
        assert "queue.process" in told["sentry"]
        assert "process tiktok-events" in told["opentelemetry"]
        assert list(Queries(redis, KEYS).scan(Filter(), oldest_first=True))
