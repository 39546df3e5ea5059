"""Which spans tell of a batch, and that their number is bounded."""

from __future__ import annotations

import pytest

from tiktok_events.trace import message_id
from worker.dead_letters import DeadLetter
from worker.envelope import Attempt, Envelope
from worker.errors import Outcome, Verdict
from worker.inbox import Claimed
from worker.posts import Post
from worker.settled import Settled
from worker.settlement import Dead, Done, Fate, Later
from worker.tracing.listeners import Tracing
from worker.tracing.names import DATA
from worker.tracing.spans import MOST_TRACES, Span, spans_of


def traceparent(number: int, *, sampled: bool = True) -> str:
    return f"00-{number:032x}-{number:016x}-{'01' if sampled else '00'}"


def claimed(number: int, parent: str | None = None, attempts: int = 0) -> Claimed:
    ref = f"{number}-0"
    envelope = Envelope(ref, f"id-{number}", b"12345", enqueued_at=99_000, traceparent=parent, attempts=attempts)
    return Claimed(0, ref, envelope)


def settled(*fates: tuple[Claimed, Fate], posts: tuple[Post, ...] = ()) -> Settled:
    return Settled("stores", fates, posts, len(fates), started=100.0, ended=100.5, batch="b")


def dead(of: Claimed, reason: str) -> Dead:
    return Dead(DeadLetter("stores", reason, "m", of.envelope, 100.0, code=40002, request_id="r"))


def test_each_sampled_trace_gets_a_span_of_its_own_and_the_others_none() -> None:
    fates = [
        (claimed(number, traceparent(1 + number % 3, sampled=number % 3 != 2)), Done("delivered"))
        for number in range(9)
    ]
    spans = spans_of(settled(*fates))
    assert [span.parent.trace_id for span in spans if span.parent] == [f"{1:032x}", f"{2:032x}"]
    assert [span.data["messaging.batch.message_count"] for span in spans] == [3, 3]


def test_a_batch_without_a_sampled_trace_is_one_span_that_begins_one() -> None:
    fates = [(claimed(number, traceparent(number + 1, sampled=False)), Done("delivered")) for number in range(5)]
    (span,) = spans_of(settled(*fates))
    assert span.parent is None
    assert span.data["messaging.batch.message_count"] == 5


def test_a_span_says_what_the_conventions_name_and_no_id_in_clear() -> None:
    post = Post(
        "https://host/open_api/v1.3/event/track/", 1, 100.1, 100.3, Verdict(Outcome.DELIVERED, 0, request_id="r")
    )
    (span,) = spans_of(settled((claimed(7, traceparent(1), attempts=2), Done("delivered", "r")), posts=(post,)))
    assert (span.op, span.status, span.started, span.ended) == ("queue.process", "ok", 100.0, 100.5)
    assert span.data == {
        "messaging.system": "redis",
        "messaging.destination.name": "tiktok-events:{stores}:inbox",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": 1,
        "messaging.message.body.size": 5,
        "messaging.message.receive.latency": 1000.0,
        "messaging.message.retry.count": 2,
        "messaging.message.id": message_id("id-7"),
        "tiktok_events.destination": "stores",
        "tiktok_events.batch": "b",
        "tiktok_events.outcome": "delivered",
        "tiktok_events.request_id": "r",
        "tiktok_events.ref": "7-0",
    }
    (request,) = span.children
    assert (request.op, request.name, request.status) == ("http.client", "POST /open_api/v1.3/event/track/", "ok")
    assert request.data["tiktok_events.request_id"] == "r"
    assert set(span.data) | set(request.data) | {"tiktok_events.reason"} == set(DATA)


@pytest.mark.parametrize(
    ("fate", "status", "outcome"),
    [
        (Done("duplicate"), "ok", "delivered"),
        (Later(claimed(1).envelope, 1.0, "retried"), "unavailable", "retried"),
        (Later(claimed(1).envelope, 1.0, "deferred"), "resource_exhausted", "deferred"),
        (dead(claimed(1), "rejected"), "invalid_argument", "dead"),
        (dead(claimed(1), "expired"), "deadline_exceeded", "dead"),
        (dead(claimed(1), "crash_loop"), "internal_error", "dead"),
    ],
)
def test_the_status_is_what_became_of_the_worst(fate: Fate, status: str, outcome: str) -> None:
    parent = traceparent(1)
    (span,) = spans_of(settled((claimed(1, parent), Done("delivered")), (claimed(2, parent), fate)))
    assert (span.status, span.data["tiktok_events.outcome"]) == (status, outcome)


def test_an_old_attempt_is_not_told_as_the_reason_of_a_new_wait() -> None:
    envelope = claimed(1).envelope.tried(Attempt(1.0, "unavailable", code=50000, request_id="old"), counts=True)
    (span,) = spans_of(settled((Claimed(0, "1-0", envelope), Later(envelope, 1.0, "deferred"))))
    assert "tiktok_events.request_id" not in span.data


class Kept:
    def __init__(self, *, on: bool = True) -> None:
        self.on = on
        self.spans: list[Span] = []

    def is_on(self) -> bool:
        return self.on

    def begins_traces(self) -> bool:
        return False

    def keep(self, span: Span) -> None:
        self.spans.append(span)


def test_spans_of_a_batch_and_of_a_second_are_bounded() -> None:
    kept, now = Kept(), [5.0]
    tracing = Tracing(tracers=[kept], clock=lambda: now[0])
    fates = [(claimed(number, traceparent(number + 1)), Done("delivered")) for number in range(100)]
    tracing.tell(settled(*fates))
    assert len(kept.spans) == MOST_TRACES
    for _ in range(20):
        tracing.tell(settled(*fates))
    assert len(kept.spans) == 20
    now[0] = 6.0
    tracing.tell(settled(*fates))
    assert len(kept.spans) == 20 + MOST_TRACES


def test_a_batch_that_no_trace_needs_makes_no_span() -> None:
    kept = Kept()
    Tracing(tracers=[kept]).tell(settled((claimed(1, traceparent(1, sampled=False)), Done("delivered"))))
    assert kept.spans == []


def test_nobody_listening_costs_no_look_at_the_events() -> None:
    class Untouched:
        def __len__(self) -> int:
            raise AssertionError("looked at")

        __iter__ = __len__  # type: ignore[assignment]

    tracing = Tracing(tracers=[Kept(on=False)])
    tracing.tell(Settled("stores", Untouched(), (), 0, 0.0, 0.0))  # type: ignore[arg-type]
