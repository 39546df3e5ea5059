"""Which spans tell of a settled batch, and what does each say? Pure.

A batch has many producers, and a span belongs to one trace. So each trace that its producer sampled gets a
`queue.process` span of its own, up to a bound, with the batch's requests below it; a batch without one gets a single
span that begins a trace, to be sampled by the worker's own rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tiktok_events.trace import SYSTEM, message_id
from worker.errors import Outcome
from worker.inbox import Claimed
from worker.keys import Keys
from worker.posts import Post
from worker.settled import Result, Settled, result
from worker.settlement import Dead, Fate, Later
from worker.traceparents import Trace, trace_of

MOST_TRACES = 10
_MOST_REQUESTS = 20

STATUSES: Mapping[str, str] = {
    "retried": "unavailable",
    "deferred": "resource_exhausted",
    "expired": "deadline_exceeded",
    "exhausted": "unavailable",
    "crash_loop": "internal_error",
    "dead": "invalid_argument",
}
"""Reason or outcome: the span's status. Source of the words: Sentry's span protocol, after gRPC's codes."""

_POST_STATUSES: Mapping[Outcome, str] = {
    Outcome.DELIVERED: "ok",
    Outcome.THROTTLED: "resource_exhausted",
    Outcome.UNAVAILABLE: "unavailable",
    Outcome.UNAUTHORIZED: "unauthenticated",
    Outcome.MISCONFIGURED: "failed_precondition",
    Outcome.PARTIAL: "unknown_error",
}

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Span:
    """One span, over already. Times are Unix seconds; `data` holds no value of an event."""

    op: str
    name: str
    started: float
    ended: float
    status: str
    data: Mapping[str, Value]
    parent: Trace | None = None
    children: Sequence[Span] = field(default=())


def spans_of(settled: Settled, *, most: int = MOST_TRACES, begin: bool = True) -> list[Span]:
    """Return a span for each sampled trace that events of the batch came with, at most `most`.

    Where there is none: one that begins a trace if `begin` says so.
    """
    groups: dict[str, list[tuple[Claimed, Fate]]] = {}
    for claimed, fate in settled.fates:
        traceparent = claimed.envelope.traceparent
        if traceparent is None:
            continue
        if traceparent in groups:
            groups[traceparent].append((claimed, fate))
        elif len(groups) < most and (trace := trace_of(traceparent)) is not None and trace.sampled:
            groups[traceparent] = [(claimed, fate)]
    if not groups and not begin:
        return []
    requests = [_request(post) for post in settled.posts[:_MOST_REQUESTS]]
    if not groups:
        return [_process(settled, settled.fates, None, requests)]
    return [_process(settled, group, trace_of(parent), requests) for parent, group in groups.items()]


def _process(
    settled: Settled, group: Sequence[tuple[Claimed, Fate]], parent: Trace | None, requests: Sequence[Span]
) -> Span:
    queue = Keys(settled.destination).inbox
    envelopes = [claimed.envelope for claimed, _ in group]
    waited = max(settled.started - envelope.enqueued_at / 1000 for envelope in envelopes)
    worst = result(*_worst(group))
    data: dict[str, Value | None] = {
        "messaging.system": SYSTEM,
        "messaging.destination.name": queue,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": len(group),
        "messaging.message.body.size": sum(len(envelope.payload) for envelope in envelopes),
        "messaging.message.receive.latency": round(max(0.0, waited) * 1000, 3),
        "messaging.message.retry.count": max(envelope.attempts for envelope in envelopes),
        "tiktok_events.destination": settled.destination,
        "tiktok_events.batch": settled.batch,
        "tiktok_events.outcome": worst.outcome,
        "tiktok_events.reason": worst.reason,
        "tiktok_events.code": worst.code,
        "tiktok_events.request_id": worst.request_id,
    }
    if len(group) == 1:
        data["messaging.message.id"] = message_id(envelopes[0].id)
        data["tiktok_events.ref"] = envelopes[0].ref
    return Span(
        op="queue.process",
        name=queue,
        started=settled.started,
        ended=settled.ended,
        status=_status(worst),
        data={key: value for key, value in data.items() if value is not None},
        parent=parent,
        children=requests,
    )


def _request(post: Post) -> Span:
    address = urlsplit(post.url)
    data: dict[str, Value | None] = {
        "http.request.method": "POST",
        "server.address": address.hostname,
        "url.path": address.path,
        "tiktok_events.events": post.events,
        "tiktok_events.outcome": post.verdict.outcome.value,
        "tiktok_events.code": post.verdict.code,
        "tiktok_events.request_id": post.verdict.request_id,
    }
    return Span(
        op="http.client",
        name=f"POST {address.path}",
        started=post.started,
        ended=post.ended,
        status=_POST_STATUSES.get(post.verdict.outcome, "invalid_argument"),
        data={key: value for key, value in data.items() if value is not None},
    )


def _worst(group: Sequence[tuple[Claimed, Fate]]) -> tuple[Claimed, Fate]:
    """Return the event that a span of several is named after: one that died, else one put off, else the first."""
    for kind in (Dead, Later):
        for each in group:
            if isinstance(each[1], kind):
                return each
    return group[0]


def _status(told: Result) -> str:
    return STATUSES.get(told.reason or "", STATUSES.get(told.outcome, "ok"))
