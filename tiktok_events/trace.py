"""Which trace does an event belong to, and what does the app's tracer learn of its enqueueing?"""

from __future__ import annotations

import sys
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from tiktok_events.packing import Chunk

SYSTEM = "redis"
"""What both sides' spans say in ``messaging.system``."""


def message_id(event_id: str) -> str:
    """Returns what logs and spans call an event: the first 16 digits of its id's SHA-256.

    An id is the app's own text and may say whose event it is; ``printf %s ID | sha256sum`` leads from one to the other.
    """
    return sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def publishing(queue: str, chunk: Chunk) -> Publishing:
    """Spans the storing of encoded events with their ids in the stream ``queue``, as ``queue.publish``.

    Nothing is measured, and nothing imported, unless the app uses Sentry or OpenTelemetry and a span
    of it is active.
    """
    for module in _TRACERS:
        if module in sys.modules:
            return Publishing(queue, chunk)
    return _UNTRACED


class _Opened(NamedTuple):
    traceparent: str
    span: _Span | None

    @property
    def sampled(self) -> bool:
        return self.traceparent.endswith("-01")


class _Span(Protocol):
    """A recording span of either tracer."""

    def close(self, *, failed: bool) -> None: ...


class Publishing:
    """The spans of one storing: begun when the events are sent, ended when the answer is here."""

    __slots__ = ("_chunk", "_queue", "_spans")

    def __init__(self, queue: str, chunk: Chunk) -> None:
        self._queue = queue
        self._chunk = chunk
        self._spans: list[_Span] = []

    def begin(self) -> str:
        """Opens the spans; returns the W3C ``traceparent`` that goes with the events, "" without one."""
        chosen: _Opened | None = None
        for name, opening in _TRACERS.items() if self._chunk else ():
            module = sys.modules.get(name)
            if module is None:
                continue
            try:
                opened = opening(module, self._queue, self._chunk)
            except Exception:  # noqa: S112 # an event must not be lost to a tracer that is too old or broken
                continue
            if opened is None:
                continue
            if opened.span is not None:
                self._spans.append(opened.span)
            # An app may use both; what one of them records is worth more than what the other leaves out.
            if chosen is None or (opened.sampled and not chosen.sampled):
                chosen = opened
        return chosen.traceparent if chosen else ""

    def end(self, *, failed: bool) -> None:
        """Closes the spans."""
        for span in self._spans:
            # The events are stored: a tracer's fault must not deny it.
            with suppress(Exception):
                span.close(failed=failed)


class _SentrySpan:
    def __init__(self, span: Any) -> None:
        self._span = span

    def close(self, *, failed: bool) -> None:
        self._span.set_status("internal_error" if failed else "ok")
        self._span.finish()


def _open_sentry(sentry_sdk: Any, queue: str, chunk: Chunk) -> _Opened | None:
    parent = sentry_sdk.get_current_span()
    if parent is None or not parent.trace_id or not parent.span_id:
        return None
    if not parent.sampled:
        return _Opened(_traceparent(parent.trace_id, parent.span_id, sampled=False), None)
    span = parent.start_child(op="queue.publish")
    span.description = queue
    for key, value in _described(queue, chunk).items():
        span.set_data(key, value)
    return _Opened(_traceparent(span.trace_id, span.span_id, sampled=True), _SentrySpan(span))


class _OpenTelemetrySpan:
    def __init__(self, trace: Any, span: Any) -> None:
        self._trace = trace
        self._span = span

    def close(self, *, failed: bool) -> None:
        if failed:
            self._span.set_status(self._trace.StatusCode.ERROR)
        self._span.end()


def _open_opentelemetry(trace: Any, queue: str, chunk: Chunk) -> _Opened | None:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    span = None
    if context.trace_flags.sampled:
        span = trace.get_tracer("tiktok_events").start_span(
            f"publish {queue}",
            kind=trace.SpanKind.PRODUCER,
            attributes={
                **_described(queue, chunk),
                "messaging.operation.name": "publish",
                "messaging.operation.type": "send",
            },
        )
        context = span.get_span_context()
    told = _traceparent(f"{context.trace_id:032x}", f"{context.span_id:016x}", sampled=span is not None)
    return _Opened(told, _OpenTelemetrySpan(trace, span) if span is not None else None)


def _described(queue: str, chunk: Chunk) -> dict[str, str | int]:
    """Returns what a span says. Sources: Sentry's "Queues" module; OpenTelemetry's conventions for messaging."""
    described: dict[str, str | int] = {
        "messaging.system": SYSTEM,
        "messaging.destination.name": queue,
        "messaging.message.body.size": sum(map(len, chunk.events)),
        "messaging.batch.message_count": len(chunk),
    }
    if len(chunk) == 1:
        described["messaging.message.id"] = message_id(chunk.ids[0])
    return described


def _traceparent(trace_id: str, span_id: str, *, sampled: bool) -> str:
    """Source of the form: W3C Trace Context, section 3.2."""
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"


_UNTRACED = Publishing("", Chunk([], []))

_TRACERS = {"sentry_sdk": _open_sentry, "opentelemetry.trace": _open_opentelemetry}
"""Module that only an app which uses the tracer has imported: how a span of it is opened."""
