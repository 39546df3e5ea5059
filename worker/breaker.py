"""When a failing endpoint is left alone, so that events do not burn their attempts on it."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from worker.config import BreakerSettings
from worker.keys import Keys
from worker.scripts import Call, run


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit breaker of one destination; every worker sees the same state."""

    redis: Redis
    keys: Keys
    settings: BreakerSettings

    def report(self, *, failed: bool, why: str = "") -> tuple[str, float]:
        """Tell how a request ended; `why` says what the answer was, and holds no value of an event.

        Returns:
            ("closed" | "opened" | "open" | "recovered", seconds it stays open). "opened" and "recovered" are told
            once for each incident, to one worker.
        """
        state, milliseconds = run(self.redis, *self._report("failed" if failed else "ok", 1, why))
        return state.decode(), float(milliseconds) / 1000

    def served(self, requests: int) -> Call:
        """Return what tells of requests that were served: nothing hangs on the answer, so it may travel with others."""
        return self._report("ok", requests)

    def _report(self, how: str, requests: int, why: str = "") -> Call:
        settings = self.settings
        return Call(
            "report",
            [self.keys.breaker],
            [
                how,
                settings.failure_rate,
                settings.min_requests,
                int(settings.window_seconds * 1000),
                int(settings.min_open_seconds * 1000),
                int(settings.max_open_seconds * 1000),
                requests,
                why,
            ],
        )
