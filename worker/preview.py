"""What would become of an event: what TikTok would get, what was dropped and why, or why it would be refused?

Nothing is stored and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas import EventMapper, Fault
from schemas.consent import NO_CONSENT
from tiktok_events.encoding import encode_event
from tiktok_events.errors import EnqueueError
from tiktok_events.identity import event_identity
from worker.config import Destination
from worker.envelope import Envelope
from worker.grouping import Request, group, request
from worker.inbox import Claimed
from worker.preparation import Prepared, prepare
from worker.settlement import Dead, Done


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why an event would not be sent: a reason of the closed list, `not enqueued`, or `discarded`."""

    reason: str
    faults: tuple[Fault, ...] = ()
    rule: str | None = None


def become(event: Any, settings: Destination, mapper: EventMapper, *, now: float, ref: str) -> Prepared | Stopped:
    """Return what would be sent of an event that is enqueued now, or why nothing would."""
    try:
        payload = encode_event(event, max_bytes=settings.max_event_bytes)
    except EnqueueError as error:
        return Stopped("not enqueued", rule=str(error))
    envelope = Envelope(ref=ref, id=event_identity(event), payload=payload, enqueued_at=int(now * 1000))
    return outcome(envelope, settings, mapper, now=now)


def outcome(envelope: Envelope, settings: Destination, mapper: EventMapper, *, now: float) -> Prepared | Stopped:
    """Return what would be sent if a worker had the event of `envelope` now, or why nothing would."""
    fate = prepare(Claimed(0, "", envelope), settings, mapper, now=now, explain=True)
    if isinstance(fate, Prepared):
        return fate
    if isinstance(fate, Dead):
        return Stopped(fate.letter.reason, fate.letter.faults, None if fate.letter.faults else fate.letter.message)
    if isinstance(fate, Done) and fate.counter == "consent_refused":
        return Stopped(NO_CONSENT, rule="it does not say that its person agreed, and the destination drops such events")
    return Stopped("discarded", rule="no mapping or preset asks for it, and the destination discards such events")


def requests(ready: Sequence[Prepared], settings: Destination) -> list[Request]:
    """Return the requests that would carry these events."""
    items = [item for prepared in ready for item in prepared.items]
    size = 1 if settings.order_sync else settings.batch_size
    return [
        request(settings, key, [items[place] for place in places[first : first + size]])
        for key, places in group(items).items()
        for first in range(0, len(places), size)
    ]
