"""Would an event become a dead letter? Asked at the door, so that whoever sent it can mend it at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from schemas import EventMapper, Refused
from tiktok_events import EnqueueError, EventTooLarge
from tiktok_events.encoding import encode_event
from tiktok_events.identity import event_identity
from worker.config import Destination


@dataclass(frozen=True, slots=True)
class EventError:
    """What is wrong with one event. `reason` is that of the dead letter it would be; nothing is the event's own."""

    index: int
    reason: str
    field: str
    rule: str

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


Check = Callable[[int, Any], list[EventError]]
"""What is asked of each event: from its index and value to its errors."""


def of_encoding(index: int, error: EnqueueError) -> EventError:
    """Return what the client's own rules say: those errors name place and rule, never a value."""
    return EventError(index, "too_large" if isinstance(error, EventTooLarge) else "undecodable", "$", str(error))


def shape(destination: Destination) -> Check:
    """Return the check that an event is an object that can be stored."""

    def check(index: int, event: Any) -> list[EventError]:
        try:
            orjson.loads(encode_event(event, max_bytes=destination.max_event_bytes))
        except EnqueueError as error:
            return [of_encoding(index, error)]
        except orjson.JSONDecodeError:
            # Python's integers have no end; the workers' decoder reads them as doubles.
            return [EventError(index, "undecodable", "$", "holds a number of 309 digits or more")]
        return []

    return check


def full(destination: Destination, mapper: EventMapper, clock: Callable[[], float]) -> Check:
    """Return the check that an event would be sent: the worker's own mapping, whose result is thrown away."""
    storable = shape(destination)

    def check(index: int, event: Any) -> list[EventError]:
        if errors := storable(index, event):
            return errors
        now = clock()
        mapped = mapper.map(event, event_id=event_identity(event), received_at=now, now=now)
        if not isinstance(mapped, Refused) or destination.drops(mapped.reason):
            return []
        return [EventError(index, mapped.reason, fault.path, fault.rule) for fault in mapped.faults]

    return check
