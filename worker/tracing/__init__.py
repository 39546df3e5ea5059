"""How a delivery joins the trace of the app that enqueued its events; Sentry and OpenTelemetry hang on this alone."""

from worker.traceparents import Trace, trace_of
from worker.tracing.listeners import Tracing

__all__ = ["Trace", "Tracing", "trace_of"]
