"""What does an answer of the HTTP door mean to whoever enqueues?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tiktok_events.errors import (
    EnqueueError,
    EventTooLarge,
    InboxFull,
    InvalidEvent,
    Unavailable,
    UnknownDestination,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status and its JSON."""

    status: int
    told: dict[str, Any]

    @property
    def ids(self) -> list[str | None]:
        """Returns the ids of the events that were looked at, in their order."""
        ids = self.told.get("ids")
        return ids if isinstance(ids, list) else []

    @property
    def refused(self) -> int | None:
        """Returns the index of the first event that was refused for itself, or None."""
        errors = self.told.get("errors")
        if self.told.get("code") != "invalid_events" or not isinstance(errors, list) or not errors:
            return None
        return min(int(error["index"]) for error in errors)


def fault_of(answer: Answer) -> EnqueueError | None:
    """Returns the error that an answer means, or None. The door's texts hold no value of an event."""
    if answer.status == 202 and answer.ids:
        return None
    code, detail = str(answer.told.get("code", "")), str(answer.told.get("detail", ""))
    if answer.refused is not None:
        found = next(error for error in answer.told["errors"] if error["index"] == answer.refused)
        place = "" if found["field"] == "$" else f"{found['field']}: "
        kind = EventTooLarge if found["reason"] == "too_large" else InvalidEvent
        return kind(f"{place}{found['rule']}")
    if code == "unknown_destination":
        return UnknownDestination(detail)
    if code == "inbox_full":
        return InboxFull(detail)
    if code == "too_large" or answer.status == 413:
        return EventTooLarge(detail or "the door takes no request of this size")
    if code in ("malformed_body", "malformed_request"):
        return InvalidEvent(detail)
    # 409: the same request is under way; 5xx: it may have been.
    maybe_stored = answer.status == 409 or answer.status >= 500
    said = f"the door answers {answer.status} {code}".rstrip() + (f": {detail}" if detail else "")
    return Unavailable(said, maybe_stored=maybe_stored)
