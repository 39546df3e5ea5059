"""What goes with an event of the app's trace; the real tracers are tried in tests/tracing."""

from __future__ import annotations

import hashlib
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from tiktok_events import Producer
from tiktok_events.packing import Chunk
from tiktok_events.trace import message_id, publishing

INBOX = "tiktok-events:{stores}:inbox"
ITEMS = Chunk([b"{}"], ["1"])


@pytest.fixture(autouse=True)
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that has imported neither tracer, whatever other tests have."""
    for name in ("sentry_sdk", "opentelemetry.trace"):
        monkeypatch.delitem(sys.modules, name, raising=False)


class BrokenSpan:
    trace_id, span_id, sampled = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True

    def start_child(self, **_: object) -> Any:
        raise RuntimeError("too old")


def with_span(monkeypatch: pytest.MonkeyPatch, span: object) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", SimpleNamespace(get_current_span=lambda: span))  # type: ignore[arg-type]


def test_without_a_tracer_nothing_is_made() -> None:
    assert publishing(INBOX, ITEMS) is publishing(INBOX, ITEMS)
    assert publishing(INBOX, ITEMS).begin() == ""


def test_without_an_active_span_there_is_no_trace(
    producer: Producer, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_span(monkeypatch, None)
    producer.enqueue({"event_id": "1"}, destination="stores")
    entries: Any = store.xrange(INBOX)
    assert b"traceparent" not in entries[0][1]


def test_a_tracer_that_is_broken_costs_no_event(
    producer: Producer, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_span(monkeypatch, BrokenSpan())
    producer.enqueue({"event_id": "1"}, destination="stores")
    assert store.xlen(INBOX) == 1


def test_a_span_that_cannot_be_closed_costs_no_event(
    producer: Producer, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("closed")

    child = SimpleNamespace(trace_id="a" * 32, span_id="b" * 16, set_data=lambda *_: None, set_status=fails)
    parent = SimpleNamespace(trace_id="a" * 32, span_id="c" * 16, sampled=True, start_child=lambda **_: child)
    with_span(monkeypatch, parent)
    producer.enqueue({"event_id": "1"}, destination="stores")
    entries: Any = store.xrange(INBOX)
    assert entries[0][1][b"traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01".encode()


def test_what_one_tracer_records_goes_before_what_the_other_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with_span(monkeypatch, SimpleNamespace(trace_id="a" * 32, span_id="b" * 16, sampled=False))
    context = SimpleNamespace(is_valid=True, trace_flags=SimpleNamespace(sampled=True), trace_id=0xC, span_id=0xD)
    span = SimpleNamespace(get_span_context=lambda: context, end=lambda: None)
    other = SimpleNamespace(
        get_current_span=lambda: span,
        get_tracer=lambda _name: SimpleNamespace(start_span=lambda *_args, **_more: span),
        SpanKind=SimpleNamespace(PRODUCER=3),
    )
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", other)  # type: ignore[arg-type]
    assert publishing(INBOX, ITEMS).begin() == f"00-{0xC:032x}-{0xD:016x}-01"


def test_an_id_is_told_by_a_digest_that_a_shell_can_make() -> None:
    assert message_id("order-1") == hashlib.sha256(b"order-1").hexdigest()[:16]
