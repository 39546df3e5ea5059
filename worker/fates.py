"""What becomes of an event, given TikTok's verdicts on the items it was sent as. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from schemas import Item
from worker.backoff import delay_seconds
from worker.config import Destination
from worker.dead_letters import DeadLetter
from worker.envelope import Attempt, Envelope
from worker.errors import Outcome, Verdict
from worker.preparation import Prepared
from worker.settlement import Dead, Done, Fate, Later

_NOBODYS_FAULT = (Outcome.THROTTLED, Outcome.UNAUTHORIZED, Outcome.MISCONFIGURED)
_WAIT_AFTER_STOP_SECONDS = 1.0


def fate(
    prepared: Prepared,
    verdicts: Sequence[Verdict | None],
    destination: Destination,
    *,
    now: float,
    draw: float | None = None,
) -> Fate:
    """Return the fate of one event.

    `verdicts` stand beside `prepared.items`; None means that the item was not sent this time. The ledger passes
    over what was delivered already when the event is tried again.
    """
    envelope = prepared.claimed.envelope
    known = [verdict for verdict in verdicts if verdict is not None]
    for verdict in known:
        if verdict.outcome in _NOBODYS_FAULT:
            return Later(_noted(envelope, _attempt(verdict, now)), verdict.wait_seconds, "deferred")
    failed = next((verdict for verdict in known if verdict.outcome is Outcome.UNAVAILABLE), None)
    if failed is not None:
        return _after_failure(prepared, failed, destination, now=now, draw=draw)
    if len(known) < len(verdicts):
        return Later(envelope, _WAIT_AFTER_STOP_SECONDS, "deferred")
    for item, verdict in zip(prepared.items, known, strict=True):
        if verdict.outcome is not Outcome.DELIVERED:
            tried = envelope.tried(_attempt(verdict, now), counts=True)
            return _dead(destination, tried, _reason(verdict), verdict, item, now)
    return Done("delivered")


def _after_failure(
    prepared: Prepared, failed: Verdict, destination: Destination, *, now: float, draw: float | None
) -> Fate:
    before = prepared.claimed.envelope
    envelope = before.tried(_attempt(failed, now), counts=True)
    item = prepared.items[0]
    if failed.once and any(attempt.code == failed.code for attempt in before.history):
        return _dead(destination, envelope, "rejected", failed, item, now)
    retry = destination.retry
    age = now - envelope.enqueued_at / 1000
    # A replayed dead letter is as old as it is: its person has decided that it is worth the attempts it has.
    too_old = age > retry.max_age_seconds and not envelope.replays
    if envelope.attempts >= retry.max_attempts or too_old:
        return _dead(destination, envelope, "exhausted", failed, item, now)
    wait = delay_seconds(envelope.attempts, least=retry.min_backoff_seconds, most=retry.max_backoff_seconds, draw=draw)
    return Later(envelope, wait, "retried")


def _noted(envelope: Envelope, attempt: Attempt) -> Envelope:
    """Note a wait that is nobody's fault. Waits in a row are one line: they must not push real failures out."""
    *before, last = envelope.history or (None,)
    if last is not None and (last.outcome, last.code) == (attempt.outcome, attempt.code):
        envelope = replace(envelope, history=tuple(each for each in before if each is not None))
    return envelope.tried(attempt, counts=False)


def _reason(verdict: Verdict) -> str:
    return {Outcome.SPLIT: "too_large", Outcome.PARTIAL: "partial"}.get(verdict.outcome, "rejected")


def _attempt(verdict: Verdict, now: float) -> Attempt:
    return Attempt(
        at=now,
        outcome=verdict.outcome.value,
        code=verdict.code,
        message=verdict.message,
        request_id=verdict.request_id,
    )


def _dead(destination: Destination, envelope: Envelope, reason: str, verdict: Verdict, item: Item, now: float) -> Dead:
    return Dead(
        DeadLetter(
            destination=destination.name,
            reason=reason,
            message=verdict.message,
            envelope=envelope,
            dead_at=now,
            code=verdict.code,
            request_id=verdict.request_id,
            event=destination.known_event(item.event),
            event_time=item.event_time,
        )
    )
