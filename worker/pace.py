"""How long may an event wait for company? Not at all when few come; a moment when many do.

A batch costs about a millisecond of CPU beside its events. At a thousand events a second a batch for each would cost
ten times what the events cost; a tenth of a second of waiting makes batches of a hundred. At fifty events a second
nobody waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_WINDOW_SECONDS = 0.25
_BUSY_EVENTS_A_SECOND = 200
_LEAST_EVENTS = 10
"""What a chance crowd may be. A process that takes over at a thousand events a second knows after 10 ms, not 50."""


@dataclass(slots=True)
class Pace:
    """How fast the events of one destination come, as far as one process has seen."""

    linger_seconds: float
    _last: float = 0.0
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def took(self, events: int, *, now: float) -> None:
        """Note that so many events were taken."""
        self._last = now
        self._seen.append((now, events))
        self._forget(now)

    def ready_at(self, now: float) -> float:
        """Return when the next batch should be taken: `now` unless many events come."""
        self._forget(now)
        if not self._seen:
            return now
        usual = _BUSY_EVENTS_A_SECOND * (now - self._seen[0][0])
        busy = sum(events for _, events in self._seen) > max(_LEAST_EVENTS, usual)
        return max(now, self._last + self.linger_seconds) if busy else now

    def _forget(self, now: float) -> None:
        while self._seen and self._seen[0][0] < now - _WINDOW_SECONDS:
            self._seen.popleft()
