"""What can be said of an event before anything is sent: its items, or why it is a dead letter."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from schemas import EventMapper, Fault, Item, Refused
from schemas.consent import NO_CONSENT
from worker.config import Destination
from worker.dead_letters import DeadLetter
from worker.envelope import Envelope
from worker.inbox import Claimed
from worker.settlement import Dead, Done, Later

_LEFT_TO_NEWER_SECONDS = 10.0
"""How long an event that only a newer worker can read is put aside each time it comes to this one."""


@dataclass(slots=True)  # not frozen, since one is made of every event: that halves what it takes
class Prepared:
    """An event that is ready to be sent, as one TikTok event or several."""

    claimed: Claimed
    items: tuple[Item, ...]
    notes: tuple[Fault, ...] = ()


def prepare(
    claimed: Claimed, destination: Destination, mapper: EventMapper, *, now: float, explain: bool = False
) -> Prepared | Done | Dead | Later:
    """Decode, validate, map and hash one event. Raises nothing, whatever the event is.

    A pack that a worker held until it fell silent is taken apart first: one of its events may have killed it.

    With `explain` the notes also say which values were read as another type, for a person to see.
    """
    envelope = claimed.envelope
    if envelope.newer is not None:
        return Later(envelope, _LEFT_TO_NEWER_SECONDS, "deferred")
    if claimed.deliveries and claimed.of > 1:
        return Later(envelope, 0.0, "deferred")
    broken = _broken(claimed, destination)
    if broken is not None:
        return _dead(envelope, destination, *broken, now=now)
    try:
        event = orjson.loads(envelope.payload)
    except orjson.JSONDecodeError as error:
        # The decoder's text names a position, never the text itself.
        told = f"is not JSON at line {error.lineno}, column {error.colno}"
        return _dead(envelope, destination, "undecodable", told, now=now)
    if not isinstance(event, dict):
        return _dead(envelope, destination, "undecodable", "is JSON, but not an object", now=now)
    received_at = envelope.enqueued_at / 1000
    mapped = mapper.map(event, event_id=envelope.id, received_at=received_at, now=now, explain=explain)
    if isinstance(mapped, Refused):
        if destination.drops(mapped.reason):
            return Done("consent_refused" if mapped.reason == NO_CONSENT else "discarded")
        summary = f"{len(mapped.faults)} fault(s)" if len(mapped.faults) != 1 else mapped.faults[0].rule
        return _dead(envelope, destination, mapped.reason, summary, now=now, event=mapped.event, faults=mapped.faults)
    return Prepared(claimed, mapped.items, mapped.notes)


def _broken(claimed: Claimed, destination: Destination) -> tuple[str, str] | None:
    """Return why an event is a dead letter before anybody looks into it, and what is said of that."""
    envelope = claimed.envelope
    if envelope.locked is not None:
        return "undecryptable", envelope.locked
    if claimed.plain and destination.require_encryption:
        return "unencrypted", "came in clear"
    if claimed.deliveries >= destination.max_deliveries:
        return "crash_loop", f"workers died or fell silent over it {claimed.deliveries} times"
    if len(envelope.payload) > destination.max_event_bytes:
        return "too_large", f"larger than {destination.max_event_bytes} bytes"
    return None


def _dead(
    envelope: Envelope,
    destination: Destination,
    reason: str,
    message: str,
    *,
    now: float,
    event: str | None = None,
    faults: tuple[Fault, ...] = (),
) -> Dead:
    return Dead(
        DeadLetter(
            destination=destination.name,
            reason=reason,
            message=message,
            envelope=envelope,
            dead_at=now,
            event=destination.known_event(event),
            faults=faults,
        )
    )


def check(
    payload: bytes, envelope: Envelope, destination: Destination, mapper: EventMapper, *, now: float
) -> DeadLetter | None:
    """Return the dead letter that `payload` would become in place of the envelope's own, or None if it is fine."""
    claimed = Claimed(0, "", replace(envelope, payload=payload, sealed=None, locked=None))
    fate = prepare(claimed, destination, mapper, now=now)
    return fate.letter if isinstance(fate, Dead) else None
