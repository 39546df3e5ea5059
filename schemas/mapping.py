"""What can every mapper do, whatever it makes of events?"""

from __future__ import annotations

from typing import Protocol

from schemas.outcome import Mapped, Refused


class EventMapper(Protocol):
    """Maps the events of one destination. Holds no state of an event, so that threads may share it."""

    def map(
        self, event: object, *, event_id: str, received_at: float, now: float, explain: bool = False
    ) -> Mapped | Refused:
        """Return what TikTok gets of the event, or why it gets nothing. Raises nothing, whatever JSON the event is."""
        ...
