"""What does a span look like to OpenTelemetry? A consumer's span in the producer's trace.

Only the API is used, and only where it is installed (extra `otel`) and somebody set a provider up, as
`opentelemetry-instrument` does. Source of the names: the semantic conventions for messaging spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.tracing.spans import Span

if TYPE_CHECKING:
    from opentelemetry.context import Context

try:
    from opentelemetry import trace
except ImportError:
    INSTALLED = False
else:
    INSTALLED = True

_NANOSECONDS = 1_000_000_000


class ToOpenTelemetry:
    """Keeps spans with the provider of this process."""

    def is_on(self) -> bool:
        """Say whether OpenTelemetry is installed and set up."""
        if not INSTALLED:
            return False
        return not isinstance(trace.get_tracer_provider(), (trace.ProxyTracerProvider, trace.NoOpTracerProvider))

    def begins_traces(self) -> bool:
        """Say that the provider may: only its sampler knows."""
        return True

    def keep(self, span: Span) -> None:
        """Record a span with its children. What no producer sampled is sampled by the provider's own rule."""
        _record(span, _context(span))


def _record(span: Span, context: Context) -> None:
    outer = span.op == "queue.process"
    told = trace.get_tracer("tiktok_events").start_span(
        f"process {span.name}" if outer else span.name,
        context=context,
        kind=trace.SpanKind.CONSUMER if outer else trace.SpanKind.CLIENT,
        attributes=span.data,
        start_time=_nanoseconds(span.started),
    )
    if span.status != "ok":
        told.set_status(trace.StatusCode.ERROR)
        told.set_attribute("error.type", span.status)
    for child in span.children:
        _record(child, trace.set_span_in_context(told))
    told.end(end_time=_nanoseconds(span.ended))


def _context(span: Span) -> Context:
    """Return the producer's span as the one to be joined; an empty context, which begins a trace, without one."""
    if span.parent is None:
        return trace.set_span_in_context(trace.INVALID_SPAN)
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if span.parent.sampled else trace.TraceFlags.DEFAULT)
    parent = trace.SpanContext(
        int(span.parent.trace_id, 16), int(span.parent.span_id, 16), is_remote=True, trace_flags=flags
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
