"""Which fields can a log line have? The closed list: a field that is not in it is not written."""

from __future__ import annotations

from collections.abc import Mapping

ALWAYS = ("time", "level", "logger", "message")
"""What every line has."""

FIELDS: Mapping[str, tuple[str, str]] = {
    "time": ("text", "when, ISO 8601 in UTC, to the millisecond"),
    "level": ("text", "`debug`, `info`, `warning`, `error`, `critical`"),
    "logger": ("text", "which part of the program"),
    "message": ("text", "what happened; ours are constant texts, so that they can be grouped by"),
    "exception": ("text", "the type of an exception; its text is never written"),
    "at": ("text", "file and line where the exception was raised"),
    "destination": ("text", "name of the destination"),
    "batch": ("text", "id of the batch: joins its line, its events' lines and its spans"),
    "entries": ("integer", "events in the batch"),
    "settled": ("integer", "of them, those that were still ours to settle"),
    "requests": ("integer", "requests sent to TikTok"),
    "request_ids": ("list of text", "TikTok's ids of these requests, ten at most"),
    "seconds": ("number", "how long the batch took"),
    "delivered": ("integer", "events delivered"),
    "duplicate": ("integer", "events in the ledger already"),
    "superseded": ("integer", "updates of an order that a newer one made needless"),
    "discarded": ("integer", 'unmapped events with `unmapped = "discard"`'),
    "consent_refused": ("integer", "events whose person did not agree, dropped by `consent`"),
    "retried": ("integer", "events to be tried again, one attempt used"),
    "deferred": ("integer", "events put off without using an attempt"),
    "dead": ("integer", "events that became dead letters"),
    "left_out": ("integer", "lines that said the same and were left out since the last one written"),
    "ref": ("text", "names the event in its destination, for `dead-letters show` and `retries`"),
    "id_digest": ("text", "first 16 digits of the SHA-256 of the event's id: joins it to the producer"),
    "trace_id": ("text", "the producer's trace"),
    "outcome": ("text", "what became of the event in this batch"),
    "reason": ("text", "of a dead letter its reason, of a later try what failed"),
    "code": ("integer", "TikTok's return code"),
    "request_id": ("text", "TikTok's id of the request"),
    "attempts": ("integer", "attempts used so far"),
    "wait_seconds": ("number", "until the event is tried again"),
    "caller": ("text", "whose request the door took: the name of an access token, or `segment`"),
    "accepted": ("integer", "events of the request that were stored"),
    "refused": ("integer", "events of the request that were refused"),
    "endpoint": ("text", "which of the web pages failed"),
    "host": ("text", "address that a server of ours listens on"),
    "port": ("integer", "its port"),
    "latency_seconds": ("number", "since the event was enqueued"),
    "incident": ("text", "kind of incident"),
    "detail": ("text", "more on an incident, without any value of an event"),
    "cause": ("text", "type of the error behind it"),
    "credential": ("text", "name of the credential"),
    "failures": ("integer", "failures in a row before this"),
}
"""Field: (JSON type, meaning). `null` is possible where a line has nothing to say."""

BATCH = ("destination", "batch", "entries", "settled", "requests", "request_ids", "seconds")
COUNTS = ("delivered", "duplicate", "superseded", "discarded", "consent_refused", "retried", "deferred", "dead")
EVENT = (
    *("destination", "batch", "ref", "id_digest", "trace_id", "outcome", "reason", "code", "request_id"),
    *("attempts", "wait_seconds", "latency_seconds", "left_out"),
)

LINES: Mapping[str, tuple[str, ...]] = {
    "batch settled": (*BATCH, *COUNTS, "left_out"),
    "event not delivered": EVENT,
    "event delivered": EVENT,
    "incident": ("incident", "destination", "detail"),
}
"""The lines that tell what became of events: message, and the fields that each has, in this order."""
