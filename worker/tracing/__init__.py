"""How a delivery joins the trace of the app that enqueued its events; Sentry and OpenTelemetry hang on this alone."""

from worker.tracing.listeners import Tracing
from worker.tracing.parents import Trace, trace_of

__all__ = ["Trace", "Tracing", "trace_of"]
