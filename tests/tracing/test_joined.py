"""An app's trace goes from its enqueueing to TikTok: with a real Redis, real tracers and their real transport."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis as redis_py
import sentry_sdk
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tiktok_events import Producer
from tiktok_events.errors import Unavailable
from tiktok_events.trace import message_id
from worker.calls import Calls
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Slice

ROOT = Path(__file__).parents[2]
KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
MakeOrder = Callable[..., dict[str, Any]]


def deliver(here: Runtime) -> None:
    Slice(here, Calls(here.redis, print)).run([Lease("stores", "t")], listen=False)


def flushed(receiver: Any, kind: str) -> list[dict[str, Any]]:
    """What this process has sent by now."""
    sentry_sdk.flush(timeout=60)
    found: list[dict[str, Any]] = receiver.items(kind)
    return found


def transactions(receiver: Any, op: str) -> list[dict[str, Any]]:
    return [each for each in flushed(receiver, "transaction") if each["contexts"]["trace"]["op"] == op]


def test_a_sentry_trace_is_joined_from_enqueueing_to_delivery(
    with_sentry: Any, redis: redis_py.Redis, redis_url: str, make_runtime: MakeRuntime, order_completed: MakeOrder
) -> None:
    apps = []
    with Producer(redis_url) as producer:
        for number in range(3):
            with sentry_sdk.start_transaction(name="checkout", op="http.server", sampled=True) as app:
                producer.enqueue(order_completed(number), destination="stores")
            apps.append(app)
    deliver(make_runtime())
    processed = transactions(with_sentry, "queue.process")
    assert [each["contexts"]["trace"]["trace_id"] for each in processed] == [app.trace_id for app in apps]
    for number, (app, told) in enumerate(zip(apps, processed, strict=True)):
        (sent,) = (
            each for each in with_sentry.items("transaction") if each["contexts"]["trace"]["span_id"] == app.span_id
        )
        (publish,) = (span for span in sent["spans"] if span["op"] == "queue.publish")
        assert told["contexts"]["trace"]["parent_span_id"] == publish["span_id"]
        assert publish["data"]["messaging.message.id"] == message_id(f"message-{number}")
        data = told["contexts"]["trace"]["data"]
        for name in ("messaging.system", "messaging.destination.name", "messaging.message.id"):
            assert data[name] == publish["data"][name]
        assert data["messaging.message.receive.latency"] >= 0
        assert data["messaging.message.retry.count"] == 0
        (request,) = told["spans"]
        assert request["op"] == "http.client"
        assert request["data"]["tiktok_events.code"] == 0
        assert (told["release"], told["environment"]) == ("tiktok-events@0.1.0", "staging")


def test_an_unsampled_trace_costs_no_transaction(
    with_sentry: Any, redis: redis_py.Redis, redis_url: str, make_runtime: MakeRuntime, order_completed: MakeOrder
) -> None:
    with Producer(redis_url) as producer, sentry_sdk.start_transaction(name="checkout", sampled=False) as app:
        producer.enqueue(order_completed(), destination="stores")
    entries: Any = redis.xrange(KEYS.inbox)
    assert entries[0][1][b"traceparent"].decode() == f"00-{app.trace_id}-{app.span_id}-00"
    deliver(make_runtime())
    assert transactions(with_sentry, "queue.process") == []


def test_a_batch_without_a_trace_begins_one_at_the_rate_that_was_set(
    with_sentry: Any, redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder
) -> None:
    sentry_sdk.get_client().options["traces_sample_rate"] = 1.0
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed())})
    deliver(make_runtime())
    (told,) = transactions(with_sentry, "queue.process")
    assert told["contexts"]["trace"].get("parent_span_id") is None


def test_a_failed_enqueueing_is_a_failed_span(with_sentry: Any, redis: redis_py.Redis, redis_url: str) -> None:
    redis.set(KEYS.inbox, "not a stream")
    with (
        Producer(redis_url) as producer,
        sentry_sdk.start_transaction(name="checkout", sampled=True) as app,
        pytest.raises(Unavailable),
    ):
        producer.enqueue({"event": "x"}, destination="stores")
    (sent,) = (
        each for each in flushed(with_sentry, "transaction") if each["contexts"]["trace"]["span_id"] == app.span_id
    )
    assert [span["status"] for span in sent["spans"]] == ["internal_error"]


def test_no_trace_header_goes_to_tiktok(
    with_sentry: Any,
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    headers: list[dict[str, str]],
    url: str,
) -> None:
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed())})
    with sentry_sdk.start_transaction(name="slice", sampled=True):
        deliver(make_runtime(url=url))
    (got,) = headers
    assert not {name.lower() for name in got} & {"sentry-trace", "baggage", "traceparent"}


def test_one_issue_for_each_reason_and_code_however_many_events_and_workers(
    with_sentry: Any, redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    for _ in range(2):
        for number in range(20):
            redis.xadd(KEYS.inbox, {"event": b"not json", "traceparent": parent})
            redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(number, currency="dollars"))})
        deliver(make_runtime(guard={"max_dead_share": 1}))
    events = flushed(with_sentry, "event")
    assert sorted(each["fingerprint"] for each in events) == [
        ["tiktok-events", "dead", "invalid", ""],
        ["tiktok-events", "dead", "undecodable", ""],
    ]
    told = next(each for each in events if "undecodable" in each["fingerprint"])
    assert told["tags"].items() >= {"reason": "undecodable", "destination": "stores"}.items()
    assert told["contexts"]["dead_letter"]["events_of_this_process"] == 20
    assert told["contexts"]["trace"]["trace_id"] == "a" * 32
    assert told["release"] == "tiktok-events@0.1.0"
    assert 0 < redis.ttl(KEYS.told("undecodable", None)) <= 600


def test_of_the_same_crash_five_a_minute_are_sent(with_sentry: Any) -> None:
    for number in range(50):
        try:
            raise ValueError(f"somebody-{number}@example.com")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    events = flushed(with_sentry, "event")
    assert len(events) == 5
    assert not any(b"somebody" in envelope for envelope in with_sentry.envelopes)
    (value,) = events[0]["exception"]["values"]
    assert value["type"] == "ValueError"
    assert value["stacktrace"]["frames"][-1]["function"] == "test_of_the_same_crash_five_a_minute_are_sent"


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """OpenTelemetry's SDK, set up for one test; the API forbids to replace a provider, so it is put in by hand."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def by_name(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name.startswith(name)]


def test_an_opentelemetry_trace_is_joined_from_enqueueing_to_delivery(
    telemetry: InMemorySpanExporter,
    redis: redis_py.Redis,
    redis_url: str,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
) -> None:
    before = time.time_ns()
    with Producer(redis_url) as producer, trace.get_tracer("app").start_as_current_span("checkout") as app:
        producer.enqueue_many([order_completed(1), order_completed(2)], destination="stores")
    deliver(make_runtime())
    (publish,), (process,), (request,) = (by_name(telemetry, name) for name in ("publish", "process", "POST"))
    for span in (publish, process, request):
        assert span.context is not None
        assert span.parent is not None
    assert publish.parent.span_id == app.get_span_context().span_id
    assert process.context.trace_id == request.context.trace_id == app.get_span_context().trace_id  # type: ignore[union-attr]
    assert process.parent.span_id == publish.context.span_id
    assert request.parent.span_id == process.context.span_id
    assert (publish.kind, process.kind, request.kind) == (
        trace.SpanKind.PRODUCER,
        trace.SpanKind.CONSUMER,
        trace.SpanKind.CLIENT,
    )
    assert process.attributes is not None
    assert process.attributes["messaging.operation.type"] == "process"
    assert process.attributes["messaging.batch.message_count"] == 2
    assert process.start_time is not None
    assert process.end_time is not None
    assert before < process.start_time < process.end_time < time.time_ns()
    assert process.status.status_code is trace.StatusCode.UNSET


def test_a_dead_letter_is_an_error_in_opentelemetry(
    telemetry: InMemorySpanExporter, redis: redis_py.Redis, make_runtime: MakeRuntime
) -> None:
    redis.xadd(KEYS.inbox, {"event": b"not json"})
    deliver(make_runtime())
    (process,) = by_name(telemetry, "process")
    assert process.parent is None
    assert process.status.status_code is trace.StatusCode.ERROR
    assert (process.attributes or {})["tiktok_events.reason"] == "undecodable"


def test_without_a_provider_opentelemetry_is_off() -> None:
    from worker.tracing.to_opentelemetry import ToOpenTelemetry

    assert not ToOpenTelemetry().is_on()


def test_without_its_api_a_worker_runs_all_the_same() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None; "
        "from worker.tracing.to_opentelemetry import ToOpenTelemetry; print(ToOpenTelemetry().is_on())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr
