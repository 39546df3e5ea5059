"""What does a span look like to Sentry? A transaction in the producer's trace.

Source of the names: Sentry's conventions for queues.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from worker import sentry
from worker.tracing.spans import Span

_ORIGIN = "manual.queue.tiktok_events"


class ToSentry:
    """Keeps spans in Sentry, where `worker.sentry` has set it up."""

    def is_on(self) -> bool:
        """Say whether Sentry takes spans."""
        sentry_sdk = sentry.sdk()
        if sentry_sdk is None or not (client := sentry_sdk.get_client()).is_active():
            return False
        # Imported here, and below: a worker without Sentry does without the SDK.
        from sentry_sdk.tracing_utils import has_tracing_enabled

        return has_tracing_enabled(client.options)

    def begins_traces(self) -> bool:
        """Say whether any trace may begin here, by `SENTRY_TRACES_SAMPLE_RATE`."""
        return bool(sentry.sdk().get_client().options["traces_sample_rate"])

    def keep(self, span: Span) -> None:
        """Send a span as a transaction. What a producer sampled is sent; of the rest Sentry's own rate decides."""
        from sentry_sdk.tracing import Transaction, TransactionSource

        parent: dict[str, Any] = {}
        if span.parent is not None:
            parent = {
                "trace_id": span.parent.trace_id,
                "parent_span_id": span.parent.span_id,
                "parent_sampled": span.parent.sampled,
            }
        transaction = (
            sentry.sdk()
            .get_current_scope()
            .start_transaction(
                Transaction(
                    name=span.name,
                    op=span.op,
                    source=TransactionSource.TASK,
                    origin=_ORIGIN,
                    start_timestamp=_moment(span.started),
                    **parent,
                )
            )
        )
        if transaction.sampled:
            _describe(transaction, span)
            for child in span.children:
                inner = transaction.start_child(
                    op=child.op, name=child.name, origin=_ORIGIN, start_timestamp=_moment(child.started)
                )
                _describe(inner, child)
                inner.finish(end_timestamp=_moment(child.ended))
        transaction.finish(end_timestamp=_moment(span.ended))


def _describe(told: Any, span: Span) -> None:
    for key, value in span.data.items():
        told.set_data(key, value)
    told.set_status(span.status)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
