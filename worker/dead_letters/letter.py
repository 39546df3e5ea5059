"""What is known of one event that could not be delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from schemas import Fault
from worker.envelope import Envelope, opened
from worker.keys import Keys


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. Everything but `envelope.payload` is free of the event's values.

    `event` is a TikTok event name from a closed list, or None: what a producer calls its events may be anything.
    `event_time` is when the event happened (Unix seconds), where that is known without looking at it: it was mapped,
    and nobody has edited it since.
    """

    destination: str
    reason: str
    message: str
    envelope: Envelope
    dead_at: float
    code: int | None = None
    request_id: str | None = None
    event: str | None = None
    faults: tuple[Fault, ...] = ()
    event_time: int | None = None

    @property
    def ref(self) -> str:
        """Return the id a person names it by."""
        return self.envelope.ref

    def meta(self) -> bytes:
        """Return everything but the payload, as one line of JSON."""
        return orjson.dumps(
            {
                "destination": self.destination,
                "reason": self.reason,
                "message": self.message,
                "code": self.code,
                "request_id": self.request_id,
                "event": self.event,
                "faults": [asdict(fault) for fault in self.faults],
                "dead_at": self.dead_at,
                "event_time": self.event_time,
                "bytes": len(self.envelope.payload),
                "envelope": orjson.Fragment(self.envelope.meta()),
            }
        )

    def indexes(self, keys: Keys) -> Sequence[str]:
        """Return the keys of the indexes that hold it."""
        return indexes(keys, reason=self.reason, code=self.code, event=self.event)


def indexes(keys: Keys, *, reason: str, code: int | None, event: str | None) -> list[str]:
    """Return the keys of the indexes of a dead letter with these facets."""
    found = [keys.facet("reason", reason)]
    if code is not None:
        found.append(keys.facet("code", str(code)))
    if event is not None:
        found.append(keys.facet("event", event))
    return found


def read(meta: bytes, payload: bytes = b"") -> DeadLetter:
    """Return the dead letter that :meth:`DeadLetter.meta` described."""
    told: Mapping[str, Any] = orjson.loads(meta)
    return DeadLetter(
        destination=told["destination"],
        reason=told["reason"],
        message=told["message"],
        code=told["code"],
        request_id=told["request_id"],
        event=told["event"],
        faults=tuple(Fault(**fault) for fault in told["faults"]),
        dead_at=told["dead_at"],
        event_time=told.get("event_time"),
        envelope=opened(told["envelope"], payload),
    )
