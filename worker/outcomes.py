"""What is told once a batch is settled: one line for it, one for each event that was not delivered, spans, issues.

A batch is a line because an event cannot be one: 20,000 a second would be eight megabytes of log a second, and cost
more than the delivery. What went wrong is worth a line each, until the same goes wrong again and again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from tiktok_events.trace import message_id
from worker.inbox import Claimed
from worker.issues import Issues
from worker.log_fields import COUNTS
from worker.sampling import Sampler
from worker.settled import Result, Settled, result
from worker.settlement import Dead, Later
from worker.tracing import Tracing, trace_of

log = logging.getLogger(__name__)

_MOST_REQUEST_IDS = 10
_HANDLED = ("delivered", "duplicate", "superseded", "discarded", "consent_refused")
"""Outcomes that need nobody's eyes; they get a line of their own at DEBUG only."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Tells of settled batches: one of it for each process, since what is repeated shows only there.

    At DEBUG every line is written; else ten batches a second and ten events a minute of the same kind.
    """

    issues: Issues
    tracing: Tracing = field(default_factory=Tracing)
    batches: Sampler = field(default_factory=lambda: Sampler(most=10, seconds=1.0))
    events: Sampler = field(default_factory=lambda: Sampler(most=10, seconds=60.0))

    def tell(self, settled: Settled) -> None:
        """Tell of a batch."""
        if log.isEnabledFor(logging.INFO):
            self._write(settled, everything=log.isEnabledFor(logging.DEBUG))
        self.tracing.tell(settled)
        self.issues.tell(settled)

    def _write(self, settled: Settled, *, everything: bool) -> None:
        counts = dict.fromkeys(COUNTS, 0)
        for claimed, fate in settled.fates:
            counts["dead" if isinstance(fate, Dead) else fate.counter] += 1
            if everything or isinstance(fate, (Dead, Later)):
                self._write_event(settled, claimed, result(claimed, fate), everything=everything)
        clean = not (counts["retried"] or counts["deferred"] or counts["dead"])
        left_out = 0 if everything else self.batches.ask((settled.destination, clean))
        if left_out is None:
            return
        ids = [post.verdict.request_id for post in settled.posts if post.verdict.request_id]
        log.info(
            "batch settled",
            extra={
                "destination": settled.destination,
                "batch": settled.batch,
                "entries": len(settled.fates),
                "settled": settled.entries,
                "requests": len(settled.posts),
                "request_ids": ids[:_MOST_REQUEST_IDS],
                "seconds": round(settled.ended - settled.started, 4),
                **counts,
                "left_out": left_out,
            },
        )

    def _write_event(self, settled: Settled, claimed: Claimed, told: Result, *, everything: bool) -> None:
        kind = (settled.destination, told.outcome, told.reason, told.code)
        left_out = 0 if everything else self.events.ask(kind)
        if left_out is None:
            return
        envelope = claimed.envelope
        trace = trace_of(envelope.traceparent)
        fields: Mapping[str, object] = {
            "destination": settled.destination,
            "batch": settled.batch,
            "ref": envelope.ref,
            "id_digest": message_id(envelope.id),
            "trace_id": trace.trace_id if trace else None,
            "outcome": told.outcome,
            "reason": told.reason,
            "code": told.code,
            "request_id": told.request_id,
            "attempts": envelope.attempts,
            "wait_seconds": None if told.wait_seconds is None else round(told.wait_seconds, 3),
            "latency_seconds": round(settled.ended - envelope.enqueued_at / 1000, 3),
            "left_out": left_out,
        }
        if told.outcome in _HANDLED:
            log.debug("event delivered", extra=fields)
        else:
            log.log(logging.WARNING if told.outcome == "dead" else logging.INFO, "event not delivered", extra=fields)
