"""What can a span say? The closed list that docs/tracing.md is generated from."""

from __future__ import annotations

from collections.abc import Mapping

DATA: Mapping[str, str] = {
    "messaging.system": "`redis`",
    "messaging.destination.name": "the inbox, `tiktok-events:{D}:inbox`, on both sides",
    "messaging.operation.name": "`publish` or `process`",
    "messaging.operation.type": "`send` or `process`",
    "messaging.batch.message_count": "events that the span is about",
    "messaging.message.id": "`id_digest` of the log, where the span is about one event",
    "messaging.message.body.size": "bytes of their JSON, together",
    "messaging.message.receive.latency": "milliseconds from enqueueing to the claim, the longest of them",
    "messaging.message.retry.count": "attempts before this one, the most of them",
    "http.request.method": "of a request to TikTok",
    "server.address": "of a request to TikTok",
    "url.path": "of a request to TikTok",
    "tiktok_events.destination": "name of the destination",
    "tiktok_events.batch": "`batch` of the log",
    "tiktok_events.ref": "`ref` of the log, where the span is about one event",
    "tiktok_events.events": "events in a request",
    "tiktok_events.outcome": "what became of the events; of several, of the worst",
    "tiktok_events.reason": "of a dead letter its reason, of a later try what failed",
    "tiktok_events.code": "TikTok's return code",
    "tiktok_events.request_id": "TikTok's id of the request",
}
"""Name: meaning. Sources of the first ones: Sentry's conventions for queues, OpenTelemetry's for messaging and HTTP."""
