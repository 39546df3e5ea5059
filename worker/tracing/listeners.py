"""Who gets the spans of a settled batch, and how many at most?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from worker.settled import Settled
from worker.tracing.spans import MOST_TRACES, Span, spans_of
from worker.tracing.to_opentelemetry import ToOpenTelemetry
from worker.tracing.to_sentry import ToSentry

_MOST_A_SECOND = 20
"""A span costs 0.2 to 0.5 ms with Sentry. So the spans of a process take about a hundredth of its time at most, whoever
asks for them: the flag in a `traceparent` is the producer's to set."""


class Tracer(Protocol):
    """What keeps spans."""

    def is_on(self) -> bool:
        """Say whether anybody would see a span."""

    def begins_traces(self) -> bool:
        """Say whether it might keep a span that continues no trace of a producer."""

    def keep(self, span: Span) -> None:
        """Keep a span with its children."""


@dataclass(slots=True)
class Tracing:
    """Makes spans of settled batches, after the fact: a delivery that nobody watches pays for none of it."""

    tracers: Sequence[Tracer] = (ToSentry(), ToOpenTelemetry())
    clock: Callable[[], float] = monotonic
    _second: int = 0
    _kept: int = 0

    def tell(self, settled: Settled) -> None:
        """Hand the spans of a batch to whoever listens."""
        listening = [tracer for tracer in self.tracers if tracer.is_on()]
        if not listening or not settled.fates:
            return
        second = int(self.clock())
        if second != self._second:
            self._second, self._kept = second, 0
        most = min(MOST_TRACES, _MOST_A_SECOND - self._kept)
        if most <= 0:
            return
        begin = any(tracer.begins_traces() for tracer in listening)
        spans = spans_of(settled, most=most, begin=begin)
        self._kept += len(spans)
        for tracer in listening:
            for span in spans:
                tracer.keep(span)
